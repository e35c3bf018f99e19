#include "route/rules.h"

#include "wire/json_scan.h"

#define MINUTE_US 60000000ULL
enum { DAY_MINUTES = 24 * 60 };

/* In UTC.  The night after a weekday is that day's until the range ends. */
static bool time_holds(const struct route_rule *r, uint64_t wall_us)
{
	uint64_t minutes = wall_us / MINUTE_US, day = minutes / DAY_MINUTES;
	unsigned minute = (unsigned)(minutes % DAY_MINUTES);
	unsigned weekday;

	if (r->from_minute < r->until_minute &&
	    (minute < r->from_minute || minute >= r->until_minute))
		return false;
	if (r->from_minute > r->until_minute) {
		if (minute < r->from_minute && minute >= r->until_minute)
			return false;
		if (minute < r->until_minute)
			day += 6; /* the day before, in a week */
	}
	weekday = (unsigned)((day + 3) % 7); /* 1970-01-01 was a Thursday */
	return r->weekdays == 0 || (r->weekdays & 1U << weekday) != 0;
}

static bool one_of(const struct slice *v, size_t n, struct slice s)
{
	for (size_t i = 0; i < n; i++)
		if (slice_eq(v[i], s))
			return true;
	return false;
}

static bool tags_hold(const struct route_rule *r, struct slice tags)
{
	struct slice tag;

	if (r->tag_n == 0)
		return true;
	while (tags.n > 0) {
		slice_cut(tags, ',', &tag, &tags);
		tag = slice_trim(tag);
		if (tag.n > 0 && one_of(r->tags, r->tag_n, tag))
			return true;
	}
	return false;
}

/* Strings by what they say, numbers and truth by how they are written. */
static bool value_is(const struct json_member *m, struct slice want)
{
	if (m->kind == JSON_NULL)
		return false;
	if (slice_eq(want, LIT("*")))
		return true;
	if (m->kind == JSON_STRING)
		return json_string_is(m->value, want);
	return (m->kind == JSON_NUMBER || m->kind == JSON_BOOL) && slice_eq(m->value, want);
}

enum { METADATA_MAX = 64 }; /* OpenAI allows 16 */

static bool metadata_holds(const struct route_rule *r, struct slice metadata)
{
	struct json_member m[METADATA_MAX];
	size_t n;

	if (r->metadata_n == 0)
		return true;
	if (metadata.n == 0)
		return false;
	n = size_min(json_object(metadata, m, METADATA_MAX), METADATA_MAX);
	for (size_t i = 0; i < r->metadata_n; i++) {
		const struct json_member *x = json_member_find(m, n, r->metadata[i].name, NULL);

		if (x == NULL || !value_is(x, r->metadata[i].value))
			return false;
	}
	return true;
}

static bool holds(const struct route_rule *r, const struct rule_facts *f)
{
	if (f->prompt_tokens < r->min_prompt_tokens)
		return false;
	if (r->max_prompt_tokens != 0 && f->prompt_tokens > r->max_prompt_tokens)
		return false;
	if (r->stream != TRI_ANY && (r->stream == TRI_YES) != f->stream)
		return false;
	if ((r->needs & ~(f->f->caps | f->f->wants)) != 0 || (r->media & ~f->f->media) != 0)
		return false;
	if (r->key_n > 0 && (f->key.n == 0 || !one_of(r->keys, r->key_n, f->key)))
		return false;
	return time_holds(r, f->wall_us) && tags_hold(r, f->tags) &&
	       metadata_holds(r, f->metadata);
}

const struct route_rule *route_rule_find(const struct route_rule *v, size_t n,
					 const struct rule_facts *f)
{
	for (size_t i = 0; i < n; i++)
		if (holds(&v[i], f))
			return &v[i];
	return NULL;
}
