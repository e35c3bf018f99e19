/* chat/fields.h -- the members of one JSON object, by name, for readers.
 *
 * Pure.  Of text that json_scan() has accepted: nothing here can fail but for memory.  JSON
 * null reads as absent.
 */
#ifndef WEIR_CHAT_FIELDS_H
#define WEIR_CHAT_FIELDS_H

#include "chat/request.h"
#include "wire/json_scan.h"

enum { FIELDS_MAX = 4096 };

/* Points into itself: not to be copied. */
struct fields {
	struct json_member *m; /* few, or from the arena */
	size_t n;
	struct json_member few[16];
};

/* What is no object has no fields; spaces around it are passed over.  Allocates only for more
 * members than `few`; false: no memory (or over FIELDS_MAX), and then there are none. */
bool fields_read(struct fields *f, struct slice object, struct arena *a);

/* The same of text that has not been scanned: checks it, says of which kind it is, and reads
 * the members of an object. E_BAD     not valid JSON; `p` (may be NULL) says where E_TOOBIG
 * nested too deeply, `p` likewise; or over FIELDS_MAX members (then p->what is NULL) E_NOMEM */
MUST_USE enum rc fields_scan(struct fields *f, struct slice text, struct arena *a,
			     enum json_kind *kind, struct json_problem *p);

/* The member; NULL: absent or null. */
const struct json_member *field(const struct fields *f, const char *name);
/* Its text as JSON; empty: absent or null. */
struct slice field_json(const struct fields *f, const char *name);
/* The same when it is an object / an array / a number, else empty. */
struct slice field_object(const struct fields *f, const char *name);
struct slice field_array(const struct fields *f, const char *name);
struct slice field_number(const struct fields *f, const char *name);
/* A string, as it stands; empty when absent or something else. */
struct json_text field_text(const struct fields *f, const char *name);
/* A string decoded. */
struct slice field_plain(const struct fields *f, const char *name, struct arena *a);
bool field_is(const struct fields *f, const char *name, const char *text);
uint64_t field_u64(const struct fields *f, const char *name, uint64_t other);
enum tri field_tri(const struct fields *f, const char *name);

#endif
