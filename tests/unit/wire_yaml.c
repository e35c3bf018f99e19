#include "check.h"

#include "base/sb.h"
#include "wire/yaml.h"

struct doc {
	struct test_mem t;
	struct arena a;
	struct yaml_node *root;
	struct yaml_problem problem;
};

static enum rc doc_read(struct doc *d, struct slice text)
{
	test_mem_init(&d->t, 0);
	arena_init(&d->a, &d->t.mem, 1024, 64 << 20);
	d->root = NULL;
	return yaml_read(&d->root, &d->a, text, &d->problem);
}

static void doc_free(struct doc *d)
{
	arena_free(&d->a);
	CHECK_INT(d->t.live, 0);
}

/* The tree on one line; "\x27" marks what was quoted, @ the place. */
static void print(struct sb *out, const struct yaml_node *n, bool places)
{
	if (n->key.n > 0)
		sb_fmt(out, "%.*s:", SARG(n->key));
	switch (n->kind) {
	case YAML_SCALAR:
		sb_fmt(out, n->quoted ? "'%.*s'" : "%.*s", SARG(n->text));
		break;
	case YAML_LIST:
	case YAML_MAP:
		sb_char(out, n->kind == YAML_MAP ? '{' : '[');
		for (const struct yaml_node *c = n->first; c != NULL; c = c->next) {
			print(out, c, places);
			sb_lit(out, c->next == NULL ? "" : ",");
		}
		sb_char(out, n->kind == YAML_MAP ? '}' : ']');
		break;
	}
	if (places)
		sb_fmt(out, "@%u:%u", n->place.line, n->place.column);
}

static void reads_as(struct slice text, const char *want, bool places)
{
	char room[1024];
	struct doc d;
	struct sb out;

	CHECK_RC(doc_read(&d, text), OK);
	sb_init(&out, room, sizeof(room));
	print(&out, d.root, places);
	CHECK_STR(sb_cstr(&out), want);
	doc_free(&d);
}

static void a_file_becomes_a_tree(void **state UNUSED)
{
	reads_as(LIT("a: 1\nb: [x, 'y']\nc:\n  - d: \"2\"\n    e:\n  - f\n"),
		 "{a:1,b:[x,'y'],c:[{d:'2',e:},f]}", false);
	reads_as(LIT("t: |\n  two\n  lines\nu: plain over\n  lines\n"),
		 "{t:'two\nlines\n',u:plain over lines}", false);
	reads_as(LIT("\"gpt: x\": 1\n'*': 2\n"), "{gpt: x:1,*:2}", false);
	reads_as(LIT("- 1\n- [2]\n"), "[1,[2]]", false);
	reads_as(LIT("\xef\xbb\xbf"
		     "a: 1\n"),
		 "{a:1@1:4}@1:1", true);
}

static void an_empty_file_is_an_empty_map(void **state UNUSED)
{
	reads_as(LIT(""), "{}", false);
	reads_as(LIT("# nothing\n\n"), "{}", false);
	reads_as(LIT("---\n"), "{}", false);
	reads_as(LIT("---\n...\n"), "{}", false);
}

static void everything_knows_its_place(void **state UNUSED)
{
	reads_as(LIT("a: 1\n\n# x\nb:\n  - {c: \xc3\xa9\xc3\xa9, d: 'q'}\n"),
		 "{a:1@1:4,b:[{c:\xc3\xa9\xc3\xa9@5:9,d:'q'@5:16}@5:5]@5:3}@1:1", true);
	{
		struct doc d;
		const struct yaml_node *b;

		CHECK_RC(doc_read(&d, LIT("a: 1\n  \nb: {cc: 2}\n")), OK);
		b = yaml_get(d.root, LIT("b"));
		CHECK(b != NULL && b->key_place.line == 3 && b->key_place.column == 1);
		CHECK_INT(b->n, 1);
		b = yaml_get(b, LIT("cc"));
		CHECK(b != NULL && b->key_place.column == 5);
		CHECK(yaml_get(d.root, LIT("c")) == NULL);
		CHECK(yaml_get(b, LIT("x")) == NULL);
		CHECK(yaml_get(NULL, LIT("x")) == NULL);
		doc_free(&d);
	}
}

static const struct {
	struct slice text;
	unsigned line, column;
	const char *problem;
} bad[] = {
	{ LITC("a: 1\na: 2\n"), 2, 1, "\"a\" is given twice; first in line 1" },
	{ LITC("x:\n  k: 1\n  l: 1\n  k: 2\n"), 4, 3, "\"k\" is given twice; first in line 2" },
	{ LITC("a: &x 1\n"), 1, 4, "anchors (&x) are not supported" },
	{ LITC("a: &x [1]\n"), 1, 4, "anchors (&x) are not supported" },
	{ LITC("a: *x\n"), 1, 4, "aliases (*x) are not supported; quote it if it is a text" },
	{ LITC("a: !!str 1\n"), 1, 4, "tags (tag:yaml.org,2002:str) are not supported" },
	{ LITC("a: !x {}\n"), 1, 4, "tags (!x) are not supported" },
	{ LITC("<<: {a: 1}\n"), 1, 1, "merge keys (<<) are not supported" },
	{ LITC("a: 1\n---\nb: 2\n"), 2, 1, "a second document begins here; only one is read" },
	{ LITC("[a]: 1\n"), 1, 1, "a key must be a plain word, not a list" },
	{ LITC("? {a: 1}\n: 1\n"), 1, 3, "a key must be a plain word, not a map" },
	{ LITC("'': 1\n"), 1, 1, "a key is empty" },
	{ LITC("? \n: 1\n"), 1, 2, "a key is empty" },
	{ LITC("a:\n\tb: 1\n"), 2, 1, "a tab cannot indent; use spaces" },
	{ LITC("# \xc3\xa9\xc3\xa9\na:\n\tb: 1\n"), 3, 1, "a tab cannot indent; use spaces" },
	{ LITC("a: [1\nb: 2\n"), 2, 2,
	  "while parsing a flow sequence: did not find expected ',' or ']'" },
	{ LITC("a: b: c\n"), 1, 5, "mapping values are not allowed in this context" },
	{ LITC("a: \"x\n"), 2, 1,
	  "while scanning a quoted scalar: found unexpected end of stream" },
	{ LITC("ab: \xff\n"), 1, 5, "invalid leading UTF-8 octet" },
	{ LITC("a: 1\nb: \x01\n"), 2, 4, "control characters are not allowed" },
};

static void what_is_not_ours_is_refused_with_its_place(void **state UNUSED)
{
	for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
		struct doc d;

		CHECK_RC(doc_read(&d, bad[i].text), E_BAD);
		CHECK_STR(d.problem.text, bad[i].problem);
		CHECK_INT(d.problem.place.line, bad[i].line);
		CHECK_INT(d.problem.place.column, bad[i].column);
		doc_free(&d);
	}
}

static void a_key_given_twice_is_found_among_many(void **state UNUSED)
{
	char text[16384];
	struct sb out;
	struct doc d;

	sb_init(&out, text, sizeof(text));
	for (unsigned i = 0; i < 1000; i++)
		sb_fmt(&out, "key%u: %u\n", i, i);
	CHECK_RC(doc_read(&d, sb_slice(&out)), OK);
	CHECK_INT(d.root->n, 1000);
	doc_free(&d);
	sb_lit(&out, "key7: x\n");
	CHECK(!out.cut);
	CHECK_RC(doc_read(&d, sb_slice(&out)), E_BAD);
	CHECK_STR(d.problem.text, "\"key7\" is given twice; first in line 8");
	CHECK_INT(d.problem.place.line, 1001);
	doc_free(&d);
}

static void the_limits_hold(void **state UNUSED)
{
	char deep[2 * YAML_DEPTH_MAX + 2];
	size_t many = 2 * (size_t)(YAML_NODES_MAX + 10);
	char *text = malloc(many);
	struct doc d;

	memset(deep, '[', YAML_DEPTH_MAX + 1);
	memset(deep + YAML_DEPTH_MAX + 1, ']', YAML_DEPTH_MAX + 1);
	CHECK_RC(doc_read(&d, slice_of(deep + 1, 2 * YAML_DEPTH_MAX)), OK);
	doc_free(&d);
	CHECK_RC(doc_read(&d, slice_of(deep, sizeof(deep))), E_TOOBIG);
	CHECK_STR(d.problem.text, "nested deeper than 32 levels");
	CHECK_INT(d.problem.place.column, YAML_DEPTH_MAX + 1);
	doc_free(&d);

	assert_non_null(text);
	for (size_t i = 0; i < many; i += 2)
		memcpy(text + i, "x,", 2);
	memcpy(text, "[x", 2);
	text[many - 1] = ']';
	CHECK_RC(doc_read(&d, slice_of(text, many)), E_TOOBIG);
	CHECK_STR(d.problem.text, "more than 200000 values");
	doc_free(&d);
	free(text);
}

static void swept(struct test_mem *t)
{
	struct yaml_problem p;
	struct yaml_node *root = NULL;
	struct arena a;
	enum rc rc;

	arena_init(&a, &t->mem, 128, 1 << 20);
	rc = yaml_read(&root, &a,
		       LIT("a: {b: [1, 2, 'x'], c: 3}\nd: 1\ne: 1\nf: 1\ng: 1\nh: 1\ni: 1\nj: "
			   "1\nk: 1\nl: 1\nm: 1\nn: 1\no: 1\np: 1\nq: 1\nr: 1\ns: 1\nt: 1\n"),
		       &p);
	CHECK_RC(rc, t->failed ? E_NOMEM : OK);
	CHECK((root == NULL) == t->failed);
	arena_free(&a);
}

static void no_memory_is_an_error_and_no_leak(void **state UNUSED)
{
	sweep(swept);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_file_becomes_a_tree),
		cmocka_unit_test(an_empty_file_is_an_empty_map),
		cmocka_unit_test(everything_knows_its_place),
		cmocka_unit_test(what_is_not_ours_is_refused_with_its_place),
		cmocka_unit_test(a_key_given_twice_is_found_among_many),
		cmocka_unit_test(the_limits_hold),
		cmocka_unit_test(no_memory_is_an_error_and_no_leak),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
