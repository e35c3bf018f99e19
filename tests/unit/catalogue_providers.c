#include "check.h"

#include "catalogue/providers.h"
#include "wire/url.h"

static void every_row_is_complete(void **state UNUSED)
{
	for (size_t i = 0; i < provider_known_n; i++) {
		const struct provider_known *p = &providers_known[i];
		struct url url;

		CHECK(p->title != NULL && p->key_env != NULL && p->auth_name != NULL);
		CHECK(p->auth_prefix != NULL);
		CHECK((p->base_url == NULL) == (p->base_hint != NULL));
		if (p->base_url == NULL)
			continue;
		CHECK_RC(url_read(&url, slice_cstr(p->base_url), NULL), OK);
		CHECK(!slice_ends(slice_cstr(p->base_url), LIT("/")));
		/* Keys never leave the machine in the clear. */
		CHECK(url.https || (p->local && slice_eq(url.host, LIT("127.0.0.1"))));
		CHECK(provider_known(slice_cstr(p->name)) == p);
	}
}

static void rows_are_sorted_and_unique(void **state UNUSED)
{
	for (size_t i = 1; i < provider_known_n; i++)
		CHECK(strcmp(providers_known[i - 1].name, providers_known[i].name) < 0);
}

static void providers_that_closed_are_not_listed(void **state UNUSED)
{
	CHECK(provider_known(LIT("lambda")) == NULL);
	CHECK(provider_known(LIT("github-models")) == NULL);
	CHECK(provider_known(LIT("OpenAI")) == NULL);
}

static void a_slip_is_understood_and_nonsense_is_not(void **state UNUSED)
{
	CHECK_STR(provider_suggest(LIT("opnai")), "openai");
	CHECK_STR(provider_suggest(LIT("grok")), "groq");
	CHECK_STR(provider_suggest(LIT("mistrall")), "mistral");
	CHECK(provider_suggest(LIT("my-own-server")) == NULL);
	CHECK(provider_suggest(LIT("")) == NULL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_row_is_complete),
		cmocka_unit_test(rows_are_sorted_and_unique),
		cmocka_unit_test(providers_that_closed_are_not_listed),
		cmocka_unit_test(a_slip_is_understood_and_nonsense_is_not),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
