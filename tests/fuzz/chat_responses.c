#include "chat_pairs.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	chat_pairs(&dialect_responses, slice_of((const char *)data, size));
	return 0;
}
