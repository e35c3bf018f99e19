#include "fuzz.h"
#include "http1_both.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	http1_both_check(HTTP1_REQUEST, slice_of((const char *)data, size), false);
	return 0;
}
