#include "io_tls_cert.h"

#include <stdlib.h>
#include <unistd.h>

#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>

static void extend(X509 *x, int nid, const char *value)
{
	X509V3_CTX ctx;
	X509_EXTENSION *e;

	X509V3_set_ctx_nodb(&ctx);
	X509V3_set_ctx(&ctx, x, x, NULL, NULL, 0);
	e = X509V3_EXT_conf_nid(NULL, &ctx, nid, value);
	INVARIANT(e != NULL && X509_add_ext(x, e, -1) == 1);
	X509_EXTENSION_free(e);
}

void test_cert_make(struct test_cert *c, const char *name)
{
	EVP_PKEY *key = EVP_EC_gen("P-256");
	X509 *x = X509_new();
	char san[256];
	FILE *f;

	INVARIANT(key != NULL && x != NULL);
	X509_set_version(x, 2);
	ASN1_INTEGER_set(X509_get_serialNumber(x), 1);
	X509_gmtime_adj(X509_getm_notBefore(x), -3600);
	X509_gmtime_adj(X509_getm_notAfter(x), 365 * 86400L);
	X509_set_pubkey(x, key);
	X509_NAME_add_entry_by_txt(X509_get_subject_name(x), "CN", MBSTRING_ASC,
				   (const unsigned char *)name, -1, -1, 0);
	X509_set_issuer_name(x, X509_get_subject_name(x));
	(void)snprintf(san, sizeof(san), "DNS:%s", name);
	extend(x, NID_subject_alt_name, san);
	extend(x, NID_basic_constraints, "critical,CA:TRUE");
	INVARIANT(X509_sign(x, key, EVP_sha256()) > 0);

	(void)snprintf(c->dir, sizeof(c->dir), "/tmp/weir-cert-XXXXXX");
	INVARIANT(mkdtemp(c->dir) != NULL);
	(void)snprintf(c->cert, sizeof(c->cert), "%s/cert.pem", c->dir);
	(void)snprintf(c->key, sizeof(c->key), "%s/key.pem", c->dir);
	f = fopen(c->cert, "w");
	INVARIANT(f != NULL && PEM_write_X509(f, x) == 1);
	fclose(f);
	f = fopen(c->key, "w");
	INVARIANT(f != NULL && PEM_write_PrivateKey(f, key, NULL, NULL, 0, NULL, NULL) == 1);
	fclose(f);
	X509_free(x);
	EVP_PKEY_free(key);
}

void test_cert_remove(struct test_cert *c)
{
	unlink(c->cert);
	unlink(c->key);
	rmdir(c->dir);
}
