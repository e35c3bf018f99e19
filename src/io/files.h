/* io/files.h -- small files read whole (configuration, certificates) and the log's sink. */
#ifndef WEIR_IO_FILES_H
#define WEIR_IO_FILES_H

#include "base/arena.h"
#include "base/err.h"
#include "base/log.h"

/* Reads a whole file of at most `max` bytes into the arena.  Blocks: for start-up and for
 * worker threads.  E_NOTFOUND, E_TOOBIG, E_SYS, E_NOMEM. */
MUST_USE enum rc file_read(struct slice *out, struct arena *a, struct slice path, size_t max,
			   struct err *err);

/* A log whose lines are collected in memory and written by a thread of its own, so that a
 * slow terminal or pipe never holds up a loop.  One may be shared by all loops.  When the
 * reader cannot keep up, lines over `max_bytes` are dropped and counted; the count is
 * logged as "log.dropped" when there is room again.  Lines of level WARN and above wake the
 * writer at once, others within 200 ms. */
struct log_sink;
MUST_USE enum rc log_sink_new(struct log_sink **out, int fd, enum log_format format,
			      enum log_level level, size_t max_bytes, struct err *err);
struct log *log_sink_log(struct log_sink *s);
void log_sink_free(struct log_sink *s); /* writes what is left */

/* The system's memory as a struct mem, shared and thread-safe. */
struct mem *system_mem(void);
/* From now on what is freed, up to some tens of megabytes, is held for reuse until
 * system_mem_trim(): large bodies then do not cost new pages each time.  Before any thread is
 * started. */
void system_mem_keep(void);
/* Gives back to the system what was freed and is held for reuse, as far as it can be.  For
 * quiet moments after a peak: it takes about a millisecond per 100 MB. */
void system_mem_trim(void);

#endif
