#include "gateway/fetch.h"

#include "base/buf.h"
#include "base/sb.h"
#include "wire/base64.h"

enum { URL_MAX = 4096, CONNECT_TIMEOUT_US = 5000000 };

struct item {
	struct fetch *f;
	enum part_kind kind;
	struct chat_media *media;
	char where[64]; /* "messages[2].content[0]" */
	struct url url; /* in the request's arena */
	struct origin *origin;
	struct http_call *call;
	struct buf body;
	char *text; /* base64, text_n bytes from mem */
	size_t text_n;
	unsigned redirects;
	struct slice location; /* of a redirect */
	unsigned status;
	struct slice type;
};

struct fetch {
	struct http_client *client;
	const struct fetch_rules *rules;
	struct arena *a;
	struct mem *mem;
	struct chat_refusal *why;
	fetch_done_fn *done;
	void *ctx;
	size_t total; /* bytes so far */
	size_t open;
	bool failed;
	size_t n;
	struct item items[];
};

static const struct http_call_events item_events;

/* ---- what there is to fetch -------------------------------------------------------------- */

typedef void medium_fn(void *ctx, struct chat_part *p, size_t message, size_t part);

static void each_of(struct chat_part *list, unsigned takes, size_t message, medium_fn *fn,
		    void *ctx)
{
	size_t i = 0;

	for (struct chat_part *p = list; p != NULL; p = p->next, i++) {
		bool media = p->kind == PART_IMAGE || p->kind == PART_AUDIO ||
			     p->kind == PART_DOCUMENT || p->kind == PART_VIDEO;

		if (p->kind == PART_TOOL_RESULT)
			each_of(p->u.result.parts, takes, message, fn, ctx);
		else if (media && p->u.media.source == MEDIA_URL && !(takes & (1U << p->kind)))
			fn(ctx, p, message, i);
	}
}

static void each_medium(const struct chat_request *r, unsigned takes, medium_fn *fn, void *ctx)
{
	size_t i = 0;

	for (struct chat_message *m = r->messages; m != NULL; m = m->next, i++)
		each_of(m->parts, takes, i, fn, ctx);
}

static void count_one(void *ctx, struct chat_part *p, size_t message, size_t part)
{
	(void)p;
	(void)message;
	(void)part;
	++*(size_t *)ctx;
}

static size_t count_media(const struct chat_request *r, unsigned takes)
{
	size_t n = 0;

	if (r->has_urls)
		each_medium(r, takes, count_one, &n);
	return n;
}

bool fetch_needed(const struct chat_request *r, unsigned takes_urls)
{
	return count_media(r, takes_urls) > 0;
}

/* ---- one medium -------------------------------------------------------------------------- */

static void item_close(struct item *it)
{
	if (it->call != NULL)
		http_call_cancel(it->call);
	it->call = NULL;
	if (it->origin != NULL)
		origin_put(it->origin);
	it->origin = NULL;
}

static const char *kind_word(enum part_kind kind)
{
	return kind == PART_IMAGE   ? "image"
	       : kind == PART_AUDIO ? "audio"
	       : kind == PART_VIDEO ? "video"
				    : "document";
}

/* Says why, and ends all of it.  The fetch may be gone afterwards when `tell`. */
static void fail(struct item *it, bool tell, const char *code, const char *what)
{
	struct fetch *f = it->f;

	if (f->failed)
		return;
	f->failed = true;
	(void)!refuse_request(f->why, code, it->where,
			      "The %s at %.*s could not be fetched: %s.", kind_word(it->kind),
			      SARG(slice_head(it->url.host, 60)), what);
	for (size_t i = 0; i < f->n; i++)
		item_close(&f->items[i]);
	if (tell)
		f->done(f->ctx, false);
}

static bool item_ask(struct item *it, bool tell)
{
	static const struct header headers[] = { { LITC("Accept"), LITC("*/*") },
						 { LITC("User-Agent"),
						   LITC("weir/" WEIR_VERSION) } };
	struct fetch *f = it->f;
	const struct origin_options o = {
		.url = it->url,
		.tls = f->rules->tls,
		.connect_timeout_us = CONNECT_TIMEOUT_US,
		.public_only = !f->rules->allow_private,
	};
	struct http_call_options call = { .method = LIT("GET"),
					  .headers = headers,
					  .header_n = ARRAY_LEN(headers) };
	struct err err = { 0 };
	enum rc rc;

	if (it->url.userinfo.n > 0 || (it->url.https && f->rules->tls == NULL)) {
		fail(it, tell, "invalid_url", "such an address is not allowed");
		return false;
	}
	call.target = arena_fmt(f->a, "%.*s%.*s%s%.*s", it->url.path.n > 0 ? 0 : 1, "/",
				SARG(it->url.path), it->url.query.n > 0 ? "?" : "",
				SARG(it->url.query));
	rc = arena_failed(f->a) ? E_NOMEM : origin_get(&it->origin, f->client, &o, &err);
	if (rc == OK)
		rc = http_call_start(&it->call, it->origin, &call, f->a, &item_events, it,
				     &err);
	if (rc == OK)
		return true;
	fail(it, tell, rc == E_REFUSED ? "forbidden_address" : "fetch_failed",
	     rc == E_REFUSED ? "the address is not a public one" : "it cannot be asked for");
	return false;
}

static void on_head(void *ctx, const struct http_head *head)
{
	struct item *it = ctx;
	size_t max = it->f->rules->bytes_max;

	it->status = head->status;
	it->type = arena_copy(it->f->a, http_header(head, LIT("content-type")));
	it->location = arena_copy(it->f->a, http_header(head, LIT("location")));
	buf_free(&it->body);
	buf_init(&it->body, it->f->mem, max);
	if (head->status == 200 && head->framing == HTTP1_LENGTH && head->content_length > max)
		fail(it, true, "media_too_large", "it is larger than media.max_bytes");
}

static void on_body(void *ctx, struct slice bytes)
{
	struct item *it = ctx;
	struct fetch *f = it->f;

	if (it->status != 200)
		return;
	f->total += bytes.n;
	if (f->total > f->rules->total_bytes_max)
		fail(it, true, "media_too_large",
		     "all of them together are larger than media.max_total");
	else if (buf_append(&it->body, bytes) != OK)
		fail(it, true, "media_too_large", "it is larger than media.max_bytes");
}

/* "https://other/x" or "/x" of the same host.  The fetch may be gone afterwards. */
static void follow(struct item *it)
{
	struct slice to = it->location;
	struct url other = { 0 };
	struct err err = { 0 };

	origin_put(it->origin);
	it->origin = NULL;
	if (slice_starts(to, LIT("/")) && !slice_starts(to, LIT("//"))) {
		it->url.query = (struct slice){ NULL, 0 };
		it->url.path = to;
		(void)slice_cut(to, '?', &it->url.path, &it->url.query);
	} else if (to.n > URL_MAX || url_read(&other, to, &err) != OK) {
		fail(it, true, "fetch_failed", "it redirects to no address");
		return;
	} else {
		it->url = other;
	}
	(void)item_ask(it, true);
}

static bool is_kind(enum part_kind kind, struct slice mime)
{
	if (kind == PART_IMAGE)
		return slice_starts(mime, LIT("image/"));
	if (kind == PART_AUDIO)
		return slice_starts(mime, LIT("audio/"));
	if (kind == PART_VIDEO)
		return slice_starts(mime, LIT("video/"));
	return slice_starts(mime, LIT("application/")) || slice_starts(mime, LIT("text/"));
}

/* What it is: by its first bytes, else by what the server says; images are never believed. */
static struct slice mime_of(const struct item *it)
{
	struct slice said = it->type, rest;
	struct slice seen = chat_media_sniff(slice_head(slice_of(it->text, it->text_n), 64));

	(void)slice_cut(it->type, ';', &said, &rest);
	said = slice_trim(said);
	if (seen.n > 0 || it->kind == PART_IMAGE)
		return seen;
	return chat_media_format(said).n > 0 ? said : (struct slice){ NULL, 0 };
}

static bool encode(struct item *it)
{
	struct slice bytes = buf_slice(&it->body);
	struct sb b;

	it->text_n = (bytes.n + 2) / 3 * 4;
	it->text = mem_get(it->f->mem, it->text_n);
	if (it->text == NULL)
		return false;
	sb_init(&b, it->text, it->text_n);
	base64_put(&b, bytes);
	buf_free(&it->body);
	return true;
}

static void finish(struct fetch *f)
{
	void *ctx = f->ctx;

	for (size_t i = 0; i < f->n; i++) {
		struct item *it = &f->items[i];

		it->media->source = MEDIA_INLINE;
		it->media->mime = arena_copy(f->a, mime_of(it));
		it->media->data = slice_of(it->text, it->text_n);
	}
	f->done(ctx, true);
}

static void on_end(void *ctx)
{
	struct item *it = ctx;
	struct fetch *f = it->f;

	it->call = NULL;
	if (it->status >= 301 && it->status <= 308 && it->location.n > 0) {
		if (++it->redirects > FETCH_REDIRECTS_MAX)
			fail(it, true, "fetch_failed", "it redirects too often");
		else
			follow(it);
		return;
	}
	if (it->status != 200) {
		char text[48];

		(void)snprintf(text, sizeof(text), "the server answered %u", it->status);
		fail(it, true, "fetch_failed", text);
		return;
	}
	item_close(it);
	if (buf_len(&it->body) == 0 || !encode(it)) {
		fail(it, true, "fetch_failed", "it is empty, or there is no memory for it");
		return;
	}
	if (!is_kind(it->kind, mime_of(it))) {
		fail(it, true, "invalid_media", "what came is not of that kind");
		return;
	}
	if (--f->open == 0)
		finish(f);
}

static void on_failed(void *ctx, enum rc why, const struct err *err)
{
	struct item *it = ctx;

	(void)err;
	it->call = NULL;
	if (why == E_REFUSED)
		fail(it, true, "forbidden_address", "the address is not a public one");
	else
		fail(it, true, "fetch_failed", rc_text(why));
}

static const struct http_call_events item_events = {
	.head = on_head,
	.body = on_body,
	.end = on_end,
	.failed = on_failed,
};

/* ---- all of them ------------------------------------------------------------------------- */

static void add_item(void *ctx, struct chat_part *p, size_t message, size_t part)
{
	struct fetch *f = ctx;
	struct item *it = &f->items[f->n++];

	*it = (struct item){ .f = f, .kind = p->kind, .media = &p->u.media };
	(void)snprintf(it->where, sizeof(it->where), "messages[%zu].content[%zu]", message,
		       part);
}

static bool read_urls(struct fetch *f)
{
	for (size_t i = 0; i < f->n; i++) {
		struct item *it = &f->items[i];
		struct slice text = json_text_plain(it->media->url, f->a);
		struct err err = { 0 };

		if (text.n > URL_MAX || url_read(&it->url, text, &err) != OK) {
			it->url = (struct url){ 0 };
			fail(it, false, "invalid_url", "this is no http or https address");
			return false;
		}
	}
	return true;
}

enum rc fetch_start(struct fetch **out, struct http_client *client,
		    const struct fetch_rules *rules, struct chat_request *r,
		    unsigned takes_urls, struct arena *a, struct mem *mem,
		    struct chat_refusal *why, fetch_done_fn *done, void *ctx)
{
	size_t n = count_media(r, takes_urls);
	struct fetch *f;

	if (n == 0)
		return E_NOTFOUND;
	if (!rules->enabled)
		return refuse_request(why, "media_url", NULL,
				      "The provider takes media as bytes only, and fetching "
				      "them is switched off (media.fetch): send them inline.");
	if (n > FETCH_ITEMS_MAX)
		return refuse_request(why, "too_many_media", NULL,
				      "%zu media by URL; at most %d are fetched.", n,
				      FETCH_ITEMS_MAX);
	f = arena_zero(a, sizeof(*f) + n * sizeof(f->items[0]));
	if (f == NULL)
		return E_NOMEM;
	f->client = client;
	f->rules = rules;
	f->a = a;
	f->mem = mem;
	f->why = why;
	f->done = done;
	f->ctx = ctx;
	each_medium(r, takes_urls, add_item, f);
	f->open = f->n;
	if (!read_urls(f))
		return E_BAD;
	for (size_t i = 0; i < f->n; i++)
		if (!item_ask(&f->items[i], false)) {
			fetch_free(f);
			return arena_failed(a) ? E_NOMEM : E_BAD;
		}
	*out = f;
	return OK;
}

void fetch_free(struct fetch *f)
{
	if (f == NULL)
		return;
	for (size_t i = 0; i < f->n; i++) {
		struct item *it = &f->items[i];

		item_close(it);
		buf_free(&it->body);
		if (it->text != NULL)
			mem_put(f->mem, it->text, it->text_n);
		it->text = NULL;
	}
}
