#include "io/loop_impl.h"

void loop_later(struct loop *l, struct later *w)
{
	if (list_empty(&w->link))
		list_push_tail(&loop_core(l)->later, &w->link);
}

void later_cancel(struct later *w)
{
	list_del(&w->link);
}

size_t loop_core_run_laters(struct loop_core *c)
{
	struct link *at;
	size_t n = 0;

	while ((at = list_pop_head(&c->later)) != NULL) {
		struct later *w = CONTAINER_OF(at, struct later, link);

		n++;
		w->fn(w);
	}
	return n;
}
