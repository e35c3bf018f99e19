#include "base/defs.h"

/* The unlucky line is printed even when the log is gone. */
void invariant_failed(const char *what, const char *file, int line)
{
	fprintf(stderr, "weir: invariant failed: %s (%s:%d)\n", what, file, line);
	abort();
}
