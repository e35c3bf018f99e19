/* tests/unit/io_tls_cert.h -- a certificate of our own making, for tests of TLS. */
#ifndef WEIR_TESTS_IO_TLS_CERT_H
#define WEIR_TESTS_IO_TLS_CERT_H

#include "base/slice.h"

struct test_cert {
	char dir[64];
	char cert[96], key[96]; /* PEM files; the certificate is its own authority */
};

/* For one name, a year from now.  Ends the program when it cannot be made. */
void test_cert_make(struct test_cert *c, const char *name);
void test_cert_remove(struct test_cert *c);

#endif
