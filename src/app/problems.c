#include "app/config.h"

#define PROBLEM_BYTES_MAX 512

void problems_init(struct problems *p, struct arena *a)
{
	p->a = a;
	p->file = NULL;
	p->n = 0;
	p->more = 0;
}

void problem_add(struct problems *p, struct yaml_place at, const char *fmt, ...)
{
	char text[PROBLEM_BYTES_MAX];
	va_list ap;

	if (p->n == PROBLEMS_MAX) {
		p->more++;
		return;
	}
	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	p->v[p->n].file = p->file;
	p->v[p->n].at = at;
	p->v[p->n].text = arena_copy(p->a, slice_cstr(text));
	p->n++;
}

/* The config file's first, then those of another one. */
static bool before(const struct problem *a, const struct problem *b)
{
	if (a->file != b->file)
		return a->file == NULL;
	return a->at.line != b->at.line ? a->at.line < b->at.line : a->at.column < b->at.column;
}

/* By place; those of one place stay in their order. */
void problems_sort(struct problems *p)
{
	for (size_t i = 1; i < p->n; i++) {
		struct problem moved = p->v[i];
		size_t at = i;

		while (at > 0 && before(&moved, &p->v[at - 1])) {
			p->v[at] = p->v[at - 1];
			at--;
		}
		p->v[at] = moved;
	}
}

void problem_print(struct sb *out, const char *file, const struct problem *problem)
{
	sb_lit(out, problem->file != NULL ? problem->file : file);
	if (problem->at.line > 0)
		sb_fmt(out, ":%u:%u", problem->at.line, problem->at.column);
	sb_lit(out, ": ");
	sb_str(out, problem->text);
}
