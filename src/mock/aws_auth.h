/* mock/aws_auth.h -- who asks, as AWS sees it: a signature of version 4, or a bearer. */
#ifndef WEIR_MOCK_AWS_AUTH_H
#define WEIR_MOCK_AWS_AUTH_H

#include "mock/exchange.h"

/* 0, or the status to refuse with and why.  The signature itself is checked when the option
 * aws-key says with what; its form always is, unless requests are not judged. */
unsigned aws_auth(struct exchange *x, struct slice *why);

#endif
