/* The simulator: its options, its script, its records. */
#include "mock/mock.h"

#include "mock/exchange.h"

#include "base/sb.h"
#include "mock/text.h"

enum {
	EXCHANGE_FIRST = 1024,         /* arenas' first block */
	EXCHANGE_WORK_MAX = 512 << 20, /* a huge event is built twice */
	OPTIONS_MAX = 4 << 20,         /* texts of all the options ever set */
	OUT_MAX = 256 << 20,
	SCRIPT_MAX = 10000,
	SCRIPT_ITEM_MAX = 64 << 10,
};

/* ---- life ------------------------------------------------------------------------------- */

enum rc mock_new(struct mock **out, struct loop *l, const struct mock_options *options,
		 struct log *log, struct err *err)
{
	struct mem *mem = loop_mem(l);
	struct mock *m = mem_zero(mem, sizeof(*m));

	if (m == NULL)
		return err_nomem(err, "mock.new");
	m->loop = l;
	m->mem = mem;
	m->log = log;
	arena_init(&m->arena, mem, 1024, OPTIONS_MAX);
	list_init(&m->listeners);
	list_init(&m->peers);
	list_init(&m->records);
	list_init(&m->script);
	say_init(&m->out, mem, OUT_MAX);
	say_init(&m->frame, mem, OUT_MAX);
	m->control = mock_options_new(&m->arena);
	m->o = mock_options_new(&m->arena);
	if (m->control == NULL || m->o == NULL ||
	    (options != NULL && !mock_options_copy(m->o, options, &m->arena))) {
		mock_free(m);
		return err_nomem(err, "mock.new");
	}
	*out = m;
	return OK;
}

enum rc mock_listen(struct mock *m, const struct address *at, struct tls_server *tls,
		    struct err *err)
{
	struct mock_listener *l = mem_zero(m->mem, sizeof(*l));
	enum rc rc;

	if (l == NULL)
		return err_nomem(err, "mock.listen");
	l->mock = m;
	l->tls = tls;
	rc = listener_open(&l->listener, m->loop, at, tls, peer_accept, l, err);
	if (rc != OK) {
		mem_put(m->mem, l, sizeof(*l));
		return rc;
	}
	list_push_tail(&m->listeners, &l->link);
	return OK;
}

void mock_address(const struct mock *m, size_t i, struct address *out)
{
	struct link *at = m->listeners.next;

	while (i-- > 0 && at != &m->listeners)
		at = at->next;
	*out = (struct address){ .len = 0 };
	if (at != &m->listeners)
		listener_local(CONTAINER_OF(at, struct mock_listener, link)->listener, out);
}

void mock_free(struct mock *m)
{
	struct link *l;

	if (m == NULL)
		return;
	while ((l = list_pop_head(&m->listeners)) != NULL) {
		struct mock_listener *at = CONTAINER_OF(l, struct mock_listener, link);

		listener_close(at->listener);
		mem_put(m->mem, at, sizeof(*at));
	}
	peer_free_all(m);
	while (!list_empty(&m->records))
		exchange_free(CONTAINER_OF(m->records.next, struct exchange, link));
	for (size_t i = 0; i < KEPT_MAX; i++)
		if (m->kept[i] != NULL)
			kept_unref(m, m->kept[i]);
	mock_script_clear(m);
	say_free(&m->out);
	say_free(&m->frame);
	arena_free(&m->arena);
	mem_put(m->mem, m, sizeof(*m));
}

enum rc mock_set(struct mock *m, struct slice query, struct err *err)
{
	struct mock_options *next = arena_get(&m->arena, sizeof(*next));
	enum rc rc;

	if (next == NULL)
		return err_nomem(err, "mock.set");
	*next = *m->o;
	/* The query may be decoded in place of nothing: what is set must outlive it. */
	rc = mock_options_query(next, arena_copy(&m->arena, query), &m->arena, err);
	if (rc != OK)
		return rc;
	m->o = next; /* those in hand keep the one they began with */
	m->version++;
	return OK;
}

void mock_stats(const struct mock *m, struct mock_stats *out)
{
	*out = m->stats;
}

struct slice mock_text(struct arena *a, uint64_t seed, uint64_t tokens)
{
	struct say o;
	struct slice text;

	say_init(&o, a->mem, OUT_MAX);
	text_words(&o, seed, tokens);
	text = arena_copy(a, say_slice(&o));
	say_free(&o);
	return text;
}

/* ---- the script -----------------------------------------------------------------------------
 */

static void item_free(struct mock *m, struct script_item *item)
{
	list_del(&item->link);
	arena_free(&item->arena);
	mem_put(m->mem, item, sizeof(*item));
}

static struct script_item *item_new(struct mock *m, struct link *list)
{
	struct script_item *item = mem_zero(m->mem, sizeof(*item));

	if (item == NULL)
		return NULL;
	arena_init(&item->arena, m->mem, 512, SCRIPT_ITEM_MAX);
	item->times = 1;
	list_push_tail(list, &item->link);
	return item;
}

/* Checks the changes, and looks at what decides when the item is taken. */
static enum rc item_check(struct script_item *item, struct err *err)
{
	struct mock_options *o = mock_options_new(&item->arena);
	enum rc rc;

	if (o == NULL)
		return err_nomem(err, "mock.script");
	rc = mock_options_query(o, item->changes, &item->arena, err);
	item->fail = o->fail;
	item->slow_read = o->slow_read_us > 0;
	return rc;
}

/* A member of an item that is an option: adds "name=value" to the changes. */
static void put_option(struct say *o, struct slice name, struct slice value)
{
	if (buf_len(&o->b) > 0)
		say_lit(o, "&");
	say_str(o, name);
	say_lit(o, "=");
	for (size_t i = 0; i < value.n; i++) {
		unsigned char c = (unsigned char)value.p[i];

		if (c == '%' || c == '&' || c == '+' || c == '=')
			say_fmt(o, "%%%02x", c);
		else
			say_str(o, slice_of(value.p + i, 1));
	}
}

static enum rc item_read_object(struct mock *m, struct script_item *item,
				const struct json *object, struct err *err)
{
	struct json_iter it;
	const struct json *value;
	struct slice key, text;
	enum rc rc;

	say_clear(&m->out);
	json_iter_init(&it, object);
	while (json_iter_next(&it, &key, &value)) {
		if (slice_eq(key, LIT("times"))) {
			item->times = json_uint(value, 0);
		} else if (slice_eq(key, LIT("model"))) {
			item->model = arena_copy(&item->arena, json_str(value));
		} else if (json_is_string(value)) {
			put_option(&m->out, key, json_str(value));
		} else {
			rc = json_write(value, m->mem, &text);
			if (rc != OK)
				return err_nomem(err, "mock.script");
			put_option(&m->out, key, text);
			mem_put(m->mem, (void *)(uintptr_t)text.p, text.n);
		}
	}
	if (item->times == 0)
		return err_set(err, E_BAD, "mock.script", "times: must be a number over 0");
	item->changes = arena_copy(&item->arena, say_slice(&m->out));
	return OK;
}

static enum rc item_read(struct mock *m, struct script_item *item, const struct json *v,
			 struct err *err)
{
	enum rc rc = OK;

	if (json_is_string(v))
		item->changes = arena_copy(&item->arena, json_str(v));
	else if (json_is_object(v))
		rc = item_read_object(m, item, v, err);
	else
		return err_set(err, E_BAD, "mock.script",
			       "an element is neither a text nor an object");
	if (rc == OK)
		rc = item_check(item, err);
	if (rc == OK && arena_failed(&item->arena))
		return err_nomem(err, "mock.script");
	return rc;
}

enum rc mock_script(struct mock *m, struct slice json, struct err *err)
{
	const struct json *list;
	struct json_doc *doc = NULL;
	struct link items, *l;
	uint64_t sum = m->script_left;
	enum rc rc;

	list_init(&items);
	rc = json_doc_read(&doc, m->mem, json, err);
	if (rc != OK)
		return rc;
	list = json_root(doc);
	if (!json_is_array(list))
		rc = err_set(err, E_BAD, "mock.script", "a script is a JSON list");
	for (size_t i = 0; rc == OK && i < json_len(list); i++) {
		struct script_item *item = item_new(m, &items);

		rc = item == NULL ? err_nomem(err, "mock.script")
				  : item_read(m, item, json_at(list, i), err);
		if (rc == OK && (item->times > SCRIPT_MAX || (sum += item->times) > SCRIPT_MAX))
			rc = err_set(err, E_FULL, "mock.script", "over %d requests",
				     SCRIPT_MAX);
	}
	json_doc_free(doc);
	while ((l = list_pop_head(&items)) != NULL) {
		struct script_item *item = CONTAINER_OF(l, struct script_item, link);

		if (rc != OK) {
			item_free(m, item);
			continue;
		}
		m->script_left += item->times;
		list_push_tail(&m->script, &item->link);
	}
	return rc;
}

void mock_script_clear(struct mock *m)
{
	while (!list_empty(&m->script))
		item_free(m, CONTAINER_OF(m->script.next, struct script_item, link));
	m->script_left = 0;
}

size_t mock_script_left(const struct mock *m)
{
	return m->script_left;
}

static bool item_fits(const struct script_item *item, enum script_stage stage)
{
	return stage == STAGE_BODY || (stage == STAGE_HEAD && item->slow_read) ||
	       (stage == STAGE_ACCEPT && item->fail == FAIL_REFUSE);
}

bool script_take(struct mock *m, enum script_stage stage, struct slice model, struct arena *a,
		 struct slice *changes)
{
	for (struct link *l = m->script.next; l != &m->script; l = l->next) {
		struct script_item *item = CONTAINER_OF(l, struct script_item, link);

		if (item->model.n > 0 && (stage != STAGE_BODY || !slice_eq(item->model, model)))
			continue;
		if (!item_fits(item, stage))
			return false;
		*changes = arena_copy(a, item->changes);
		m->script_left--;
		if (--item->times == 0)
			item_free(m, item);
		return true;
	}
	return false;
}

/* ---- exchanges and records
 * -------------------------------------------------------------------- */

struct exchange *exchange_new(struct mock *m, struct peer *p)
{
	struct exchange *x = mem_zero(m->mem, sizeof(*x));

	if (x == NULL)
		return NULL;
	list_init(&x->link);
	x->mock = m;
	x->peer = p;
	x->o = m->o;
	x->rec.fault = "";
	x->rec.began_us = loop_now_us(m->loop);
	arena_init(&x->keep, m->mem, EXCHANGE_FIRST, SIZE_MAX);
	arena_init(&x->work, m->mem, EXCHANGE_FIRST, EXCHANGE_WORK_MAX);
	buf_init(&x->body, m->mem, m->o->body_max);
	return x;
}

void exchange_enter(struct exchange *x)
{
	struct mock *m = x->mock;

	x->rec.seq = ++m->stats.requests;
	m->stats.open_requests++;
	list_push_tail(&m->records, &x->link);
	m->record_n++;
	m->cursor = NULL;
}

void exchange_free(struct exchange *x)
{
	struct mock *m = x->mock;

	if (x->rec.seq != 0) {
		m->record_n--;
		m->record_bytes -= x->held_bytes;
		m->cursor = NULL;
	}
	list_del(&x->link);
	if (x->kept != NULL)
		kept_unref(m, x->kept);
	json_doc_free(x->doc);
	buf_free(&x->body);
	arena_free(&x->work);
	arena_free(&x->keep);
	mem_put(m->mem, x, sizeof(*x));
}

static void records_trim(struct mock *m)
{
	struct link *l = m->records.next;

	while (l != &m->records &&
	       (m->record_n > m->o->records || m->record_bytes > m->o->record_bytes)) {
		struct exchange *x = CONTAINER_OF(l, struct exchange, link);

		l = l->next;
		if (x->rec.end != MOCK_OPEN)
			exchange_free(x);
	}
}

void exchange_end(struct exchange *x, enum mock_end end)
{
	struct mock *m = x->mock;

	x->peer = NULL;
	if (x->rec.seq == 0) { /* control, or its head never came */
		exchange_free(x);
		return;
	}
	m->stats.open_requests--;
	x->rec.end = end;
	x->rec.ended_us = loop_now_us(m->loop);
	x->rec.body = buf_slice(&x->body);
	if (m->o->records > 0) {
		if (x->kept == NULL)
			x->rec.text = arena_copy(&x->keep, x->rec.text);
		json_doc_free(x->doc);
		x->doc = NULL;
		arena_free(&x->work);
	}
	x->held_bytes = sizeof(*x) + x->keep.held + x->body.cap;
	m->record_bytes += x->held_bytes;
	records_trim(m);
}

size_t mock_record_n(const struct mock *m)
{
	return m->record_n;
}

const struct mock_record *mock_record(const struct mock *m, size_t i)
{
	/* The cursor is a memory of where we were, not a change to see. */
	struct mock *w = (struct mock *)(uintptr_t)m;

	INVARIANT(i < m->record_n);
	if (w->cursor == NULL || w->cursor_i > i) {
		w->cursor = m->records.next;
		w->cursor_i = 0;
	}
	while (w->cursor_i < i) {
		w->cursor = w->cursor->next;
		w->cursor_i++;
	}
	return &CONTAINER_OF(w->cursor, struct exchange, link)->rec;
}

void mock_records_clear(struct mock *m)
{
	struct link *l = m->records.next;

	while (l != &m->records) {
		struct exchange *x = CONTAINER_OF(l, struct exchange, link);

		l = l->next;
		if (x->rec.end != MOCK_OPEN)
			exchange_free(x);
	}
}
