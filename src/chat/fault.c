#include "chat/fault.h"

#include "chat/ratelimit.h"

#define FAULT_ROW(kind, name, other, again, health) { name, other, again, health },
static const struct fault_row rows[] = { FAULT_TABLE(FAULT_ROW) };

const struct fault_row *fault_row(enum fault_kind kind)
{
	INVARIANT((unsigned)kind < FAULT_KINDS);
	return &rows[kind];
}

bool retry_after_read(struct slice ms_header, struct slice header, uint64_t wall_us,
		      uint64_t *out_us)
{
	return (ms_header.n > 0 && wait_read_number(ms_header, 1000, out_us)) ||
	       wait_read(header, wall_us, out_us);
}
