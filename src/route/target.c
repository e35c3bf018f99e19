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
	uint64_t each = route_price_input(t, input), said = route_price_output(t, input);
	unsigned __int128 sum;
	uint64_t a, b;

	if (!t->priced)
		return 0;
	/* Nearly always 64 bits are enough, and there a division costs a tenth. */
	if (!__builtin_mul_overflow(input, each, &a) &&
	    !__builtin_mul_overflow(output, said, &b) && !__builtin_add_overflow(a, b, &a) &&
	    a <= UINT64_MAX - MILLION) {
		a = (a + MILLION - 1) / MILLION;
		return __builtin_add_overflow(a, t->price_request, &a) ? UINT64_MAX : a;
	}
	sum = (unsigned __int128)input * each;
	if (__builtin_add_overflow(sum, (unsigned __int128)output * said, &sum))
		return UINT64_MAX;
	sum = sum / MILLION + (sum % MILLION != 0) + t->price_request;
	return sum > UINT64_MAX ? UINT64_MAX : (uint64_t)sum;
}
