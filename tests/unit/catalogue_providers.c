#include "check.h"

#include "catalogue/providers.h"
#include "wire/url.h"

static void check_url(const struct provider_known *p, const char *text)
{
	struct url url;

	CHECK_RC(url_read(&url, slice_cstr(text), NULL), OK);
	CHECK(!slice_ends(slice_cstr(text), LIT("/")));
	/* Keys never leave the machine in the clear. */
	CHECK(url.https || (p->local && slice_eq(url.host, LIT("127.0.0.1"))));
}

static void every_row_is_complete(void **state UNUSED)
{
	for (size_t i = 0; i < provider_known_n; i++) {
		const struct provider_known *p = &providers_known[i];
		struct provider_way way;

		CHECK(p->title != NULL && p->key_env != NULL && p->auth_name != NULL);
		CHECK(p->auth_prefix != NULL);
		CHECK(p->chat_stream_path == NULL || p->chat_path != NULL);
		CHECK(p->models_path == NULL || p->lists_models);
		CHECK(provider_known(slice_cstr(p->name)) == p);
		CHECK(provider_speaks(p, p->dialect, &way));
		for (unsigned d = 0; d < DIALECTS; d++) {
			if (!provider_speaks(p, d, &way))
				continue;
			CHECK((way.base_url == NULL) == (way.base_hint != NULL));
			CHECK(way.auth_name != NULL && way.auth_prefix != NULL);
			if (way.base_url != NULL)
				check_url(p, way.base_url);
		}
	}
}

static void other_dialects_of_a_provider_have_their_own_place(void **state UNUSED)
{
	struct provider_way way;

	CHECK(provider_speaks(provider_known(LIT("deepseek")), DIALECT_ANTHROPIC, &way));
	CHECK_STR(way.base_url, "https://api.deepseek.com/anthropic/v1");
	CHECK_STR(way.auth_name, "x-api-key");
	CHECK(provider_speaks(provider_known(LIT("openai")), DIALECT_RESPONSES, &way));
	CHECK_STR(way.base_url, "https://api.openai.com/v1");
	CHECK_STR(way.auth_name, "Authorization");
	CHECK(provider_speaks(provider_known(LIT("google")), DIALECT_OPENAI, &way));
	CHECK_STR(way.auth_prefix, "Bearer ");
	CHECK(!provider_speaks(provider_known(LIT("groq")), DIALECT_COHERE, &way));
	CHECK(provider_speaks(provider_known(LIT("ollama")), DIALECT_ANTHROPIC, &way));
	CHECK_STR(way.base_url, "http://127.0.0.1:11434/v1");
}

static void quirks_have_a_bit_and_a_word_of_their_own(void **state UNUSED)
{
	unsigned all = 0;

	for (size_t i = 0; i < provider_quirk_n; i++) {
		unsigned bit = provider_quirk_names[i].quirk;

		CHECK(bit != 0 && (bit & (bit - 1)) == 0 && (all & bit) == 0);
		all |= bit;
		for (size_t j = 0; j < i; j++)
			CHECK(strcmp(provider_quirk_names[i].name,
				     provider_quirk_names[j].name) != 0);
	}
	for (size_t i = 0; i < provider_known_n; i++)
		CHECK_INT(providers_known[i].quirks & ~all, 0);
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
	CHECK(provider_closed(LIT("openai")) == NULL);
	for (size_t i = 0; i < provider_closed_n; i++) {
		const struct provider_closed *p = &providers_closed[i];

		CHECK(provider_known(slice_cstr(p->name)) == NULL);
		CHECK(provider_closed(slice_cstr(p->name)) == p);
		CHECK_INT(strlen(p->on), 10);
	}
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
		cmocka_unit_test(other_dialects_of_a_provider_have_their_own_place),
		cmocka_unit_test(quirks_have_a_bit_and_a_word_of_their_own),
		cmocka_unit_test(rows_are_sorted_and_unique),
		cmocka_unit_test(providers_that_closed_are_not_listed),
		cmocka_unit_test(a_slip_is_understood_and_nonsense_is_not),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
