#include "io/loop_impl.h"

#include "io/conn.h"

void loop_later(struct loop *l, struct later *w)
{
	if (list_empty(&w->link))
		list_push_tail(&loop_core(l)->later, &w->link);
}

void later_cancel(struct later *w)
{
	list_del(&w->link);
}

static size_t run_all(struct link *list)
{
	struct link *at;
	size_t n = 0;

	while ((at = list_pop_head(list)) != NULL) {
		struct later *w = CONTAINER_OF(at, struct later, link);

		n++;
		w->fn(w);
	}
	return n;
}

size_t loop_core_run_laters(struct loop_core *c)
{
	size_t n = run_all(&c->later);

	return n + run_all(&c->dead);
}

static void move_to(struct link *list, struct later *w, later_fn *fn)
{
	INVARIANT(list_empty(&w->link));
	w->fn = fn;
	list_push_tail(list, &w->link);
}

void loop_bury(struct loop *l, struct later *w, later_fn *fn)
{
	move_to(&loop_core(l)->dead, w, fn);
}

void loop_keep(struct loop *l, struct later *w, later_fn *fn)
{
	move_to(&loop_core(l)->kept, w, fn);
}

void loop_core_evict(struct loop_core *c)
{
	(void)run_all(&c->kept);
}

char *loop_read_buffer(struct loop *l)
{
	struct loop_core *c = loop_core(l);

	if (c->read_buffer == NULL)
		c->read_buffer = mem_get(c->mem, CONN_READ_BYTES);
	return c->read_buffer;
}
