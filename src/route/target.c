#include "route/target.h"

const char *quantization_name(enum quantization q)
{
#define QUANTIZATION_WORD(id, word) word,
	static const char *const words[] = { QUANTIZATIONS(QUANTIZATION_WORD) };
#undef QUANTIZATION_WORD

	return words[q];
}

#define MILLION 1000000ULL

uint64_t route_cost(const struct route_target *t, uint64_t input, uint64_t output)
{
	unsigned __int128 sum;
	uint64_t a, b;

	if (!t->priced)
		return 0;
	/* Nearly always 64 bits are enough, and there a division costs a tenth. */
	if (!__builtin_mul_overflow(input, t->price_input, &a) &&
	    !__builtin_mul_overflow(output, t->price_output, &b) &&
	    !__builtin_add_overflow(a, b, &a) && a <= UINT64_MAX - MILLION) {
		a = (a + MILLION - 1) / MILLION;
		return __builtin_add_overflow(a, t->price_request, &a) ? UINT64_MAX : a;
	}
	sum = (unsigned __int128)input * t->price_input;
	if (__builtin_add_overflow(sum, (unsigned __int128)output * t->price_output, &sum))
		return UINT64_MAX;
	sum = sum / MILLION + (sum % MILLION != 0) + t->price_request;
	return sum > UINT64_MAX ? UINT64_MAX : (uint64_t)sum;
}
