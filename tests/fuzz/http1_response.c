#include "fuzz.h"
#include "http1_both.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct slice in = slice_of((const char *)data, size);

	http1_both_check(HTTP1_RESPONSE, in, false);
	http1_both_check(HTTP1_RESPONSE, in, true); /* they answer HEAD */
	return 0;
}
