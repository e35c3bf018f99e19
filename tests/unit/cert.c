#include "cert.h"

#include <unistd.h>

#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/rsa.h>
#include <openssl/x509v3.h>

enum { DAY = 24 * 60 * 60 };

static void extend(X509 *x, X509 *issuer, int nid, const char *value)
{
	X509V3_CTX ctx;
	X509_EXTENSION *e;

	X509V3_set_ctx_nodb(&ctx);
	X509V3_set_ctx(&ctx, issuer, x, NULL, NULL, 0);
	e = X509V3_EXT_conf_nid(NULL, &ctx, nid, value);
	INVARIANT(e != NULL);
	INVARIANT(X509_add_ext(x, e, -1) == 1);
	X509_EXTENSION_free(e);
}

static X509 *make(const struct cert_spec *spec, EVP_PKEY *key)
{
	X509 *x = X509_new();
	X509 *issuer = spec->issuer != NULL ? spec->issuer->x509 : x;
	EVP_PKEY *signer = spec->issuer != NULL ? spec->issuer->key : key;
	bool usual = spec->from_days == 0 && spec->to_days == 0;
	X509_NAME *name = X509_get_subject_name(x);
	BIGNUM *serial = BN_new();

	X509_set_version(x, X509_VERSION_3);
	BN_rand(serial, 63, BN_RAND_TOP_ONE, BN_RAND_BOTTOM_ANY);
	BN_to_ASN1_INTEGER(serial, X509_get_serialNumber(x));
	BN_free(serial);
	X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_UTF8, (const unsigned char *)spec->name,
				   -1, -1, 0);
	X509_set_issuer_name(x, X509_get_subject_name(issuer));
	X509_gmtime_adj(X509_getm_notBefore(x), usual ? -DAY : (long)spec->from_days * DAY);
	X509_gmtime_adj(X509_getm_notAfter(x), usual ? DAY : (long)spec->to_days * DAY);
	X509_set_pubkey(x, key);
	extend(x, issuer, NID_basic_constraints,
	       spec->authority ? "critical,CA:TRUE" : "critical,CA:FALSE");
	if (spec->alt != NULL)
		extend(x, issuer, NID_subject_alt_name, spec->alt);
	INVARIANT(X509_sign(x, signer, EVP_sha256()) > 0);
	return x;
}

void cert_make(struct cert *c, const struct cert_spec *spec)
{
	char dir[] = "/tmp/weir-cert-XXXXXX";
	FILE *f;

	INVARIANT(mkdtemp(dir) != NULL);
	snprintf(c->cert_file, sizeof(c->cert_file), "%s/cert.pem", dir);
	snprintf(c->key_file, sizeof(c->key_file), "%s/key.pem", dir);
	c->key = spec->rsa ? EVP_RSA_gen(2048) : EVP_EC_gen("P-256");
	INVARIANT(c->key != NULL);
	c->x509 = make(spec, c->key);
	f = fopen(c->cert_file, "w");
	INVARIANT(f != NULL && PEM_write_X509(f, c->x509) == 1);
	if (spec->issuer != NULL)
		INVARIANT(PEM_write_X509(f, spec->issuer->x509) == 1);
	fclose(f);
	f = fopen(c->key_file, "w");
	INVARIANT(f != NULL && PEM_write_PrivateKey(f, c->key, NULL, NULL, 0, NULL, NULL) == 1);
	fclose(f);
}

void cert_free(struct cert *c)
{
	unlink(c->cert_file);
	unlink(c->key_file);
	*strrchr(c->cert_file, '/') = '\0';
	rmdir(c->cert_file);
	X509_free(c->x509);
	EVP_PKEY_free(c->key);
}
