/* tests/unit/cert.h -- certificates for one test run, made when they are needed: none is in
 * the tree, so none expires. */
#ifndef WEIR_TESTS_CERT_H
#define WEIR_TESTS_CERT_H

#include "base/defs.h"

struct cert {
	char cert_file[96]; /* PEM: this one, then its issuer's */
	char key_file[96];
	void *x509, *key; /* owned */
};

struct cert_spec {
	const char *name;
	const char *alt;           /* "DNS:localhost,IP:127.0.0.1"; NULL: none */
	int from_days, to_days;    /* from now; both 0: yesterday to tomorrow */
	bool authority;            /* may sign others */
	bool rsa;                  /* slow to make, but its signatures have one length */
	const struct cert *issuer; /* NULL: signs itself */
};

/* Writes the files into a folder of its own under /tmp.  Ends the program when it fails. */
void cert_make(struct cert *c, const struct cert_spec *spec);
/* Removes the files, too. */
void cert_free(struct cert *c);

#endif
