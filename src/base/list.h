/* base/list.h -- an intrusive, circular, doubly linked list.
 *
 * The head is a link of its own.  A link that is in no list points to itself after
 * list_init() or list_del(), so list_del() may be called twice.
 */
#ifndef WEIR_BASE_LIST_H
#define WEIR_BASE_LIST_H

#include "base/defs.h"

struct link {
	struct link *prev, *next;
};

static inline void list_init(struct link *l)
{
	l->prev = l->next = l;
}

static inline bool list_empty(const struct link *l)
{
	return l->next == l;
}

static inline void list_push_tail(struct link *head, struct link *l)
{
	l->prev = head->prev;
	l->next = head;
	head->prev->next = l;
	head->prev = l;
}

static inline void list_push_head(struct link *head, struct link *l)
{
	list_push_tail(head->next, l);
}

static inline void list_del(struct link *l)
{
	l->prev->next = l->next;
	l->next->prev = l->prev;
	list_init(l);
}

/* The first link, taken out; NULL when empty. */
static inline struct link *list_pop_head(struct link *head)
{
	struct link *l = head->next;

	if (l == head)
		return NULL;
	list_del(l);
	return l;
}

#endif
