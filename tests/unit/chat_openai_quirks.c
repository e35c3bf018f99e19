#include "check.h"

#include "base/sb.h"
#include "chat/dialect.h"
#include "chat/openai.h"

struct row {
	unsigned quirks;
	const char *in, *out;
	const char *lost; /* the first name; NULL: nothing */
};

/* Edits it; the result is zero-terminated in `out`. */
static void edit(enum openai_endpoint endpoint, const char *body, const struct openai_target *t,
		 char *out, size_t cap)
{
	struct openai_refusal why;
	struct openai_request r;
	struct slice *pieces;
	struct test_mem mem;
	struct arena a;
	size_t n, bytes;
	struct sb b;

	test_mem_init(&mem, 0);
	arena_init(&a, &mem.mem, 1024, 1 << 24);
	CHECK_RC(openai_request_read(&r, endpoint, slice_cstr(body), &a, &why), OK);
	CHECK_RC(openai_request_pieces(&r, t, &a, &pieces, &n, &bytes), OK);
	sb_init(&b, out, cap);
	for (size_t i = 0; i < n; i++)
		sb_str(&b, pieces[i]);
	CHECK_INT(b.n, bytes);
	CHECK(!b.cut);
	CHECK_RC(json_scan(sb_slice(&b), &(enum json_kind){ 0 }, NULL, 0, &n, NULL), OK);
	sb_cstr(&b);
	arena_free(&a);
	CHECK_INT(mem.live, 0);
}

/* Every body lies in {"model":"m", ...}, which the model's name does not change. */
static void check_rows(enum openai_endpoint endpoint, const struct row *rows, size_t n)
{
	char in[2048], out[2048], want[2048];

	for (size_t i = 0; i < n; i++) {
		struct chat_lost lost = { 0 };
		struct openai_target t = { .model_json = LITC("\"m\""),
					   .quirks = rows[i].quirks,
					   .lost = &lost };

		snprintf(in, sizeof(in), "{\"model\":\"m\"%s}", rows[i].in);
		snprintf(want, sizeof(want), "{\"model\":\"m\"%s}", rows[i].out);
		edit(endpoint, in, &t, out, sizeof(out));
		CHECK_STR(out, want);
		CHECK_STR(lost.n > 0 ? lost.v[0].name : "-",
			  rows[i].lost != NULL ? rows[i].lost : "-");
		/* Where nobody is told, what would be lost stays in. */
		t.lost = NULL;
		edit(endpoint, in, &t, out, sizeof(out));
		CHECK_STR(out, rows[i].lost != NULL ? in : want);
		/* And without the quirk nothing changes. */
		t.quirks = 0;
		edit(endpoint, in, &t, out, sizeof(out));
		CHECK_STR(out, in);
	}
}

#define ROWS(endpoint, rows) check_rows(endpoint, rows, ARRAY_LEN(rows))

static void parameters_are_renamed_lowered_and_left_out(void **state UNUSED)
{
	static const struct row rows[] = {
		{ QUIRK_RANDOM_SEED, ",\"seed\":7", ",\"random_seed\":7" },
		{ QUIRK_RANDOM_SEED, ",\"seed\":7,\"random_seed\":8", ",\"random_seed\":8" },
		{ QUIRK_ONE_ANSWER, ",\"n\":1", "" },
		{ QUIRK_ONE_ANSWER, ",\"n\":3", "", "n" },
		{ QUIRK_TEMPERATURE_1, ",\"temperature\":1.00", ",\"temperature\":1.00" },
		{ QUIRK_TEMPERATURE_1, ",\"temperature\":1.2", ",\"temperature\":1",
		  "temperature" },
		{ QUIRK_TEMPERATURE_1, ",\"temperature\":0.2e1", ",\"temperature\":1",
		  "temperature" },
		{ QUIRK_TEMPERATURE_1_5, ",\"temperature\":1.2", ",\"temperature\":1.2" },
		{ QUIRK_TEMPERATURE_1_5, ",\"temperature\":2", ",\"temperature\":1.5",
		  "temperature" },
		{ QUIRK_TEMPERATURE_1, ",\"temperature\":\"x\"", ",\"temperature\":\"x\"" },
		{ QUIRK_INT_LOGPROBS, ",\"logprobs\":true,\"top_logprobs\":5",
		  ",\"logprobs\":5" },
		{ QUIRK_INT_LOGPROBS, ",\"logprobs\":true", ",\"logprobs\":1" },
		{ QUIRK_INT_LOGPROBS, ",\"logprobs\":false,\"top_logprobs\":0", "" },
		{ QUIRK_INT_LOGPROBS, ",\"logprobs\":4", ",\"logprobs\":4" },
	};
	static const struct row embeddings[] = {
		{ QUIRK_OUTPUT_DIMENSION, ",\"dimensions\":64", ",\"output_dimension\":64" },
	};

	ROWS(OPENAI_CHAT, rows);
	ROWS(OPENAI_EMBEDDINGS, embeddings);
}

static void tool_choices_are_said_as_the_provider_wants(void **state UNUSED)
{
	static const struct row rows[] = {
		{ QUIRK_CHOICE_ANY, ",\"tool_choice\":\"required\"",
		  ",\"tool_choice\":\"any\"" },
		{ QUIRK_CHOICE_ANY, ",\"tool_choice\":\"auto\"", ",\"tool_choice\":\"auto\"" },
		{ QUIRK_CHOICE_AUTO, ",\"tool_choice\":\"required\"", "", "tool_choice" },
		{ QUIRK_CHOICE_AUTO, ",\"tool_choice\":{\"type\":\"function\"}", "",
		  "tool_choice" },
		{ QUIRK_CHOICE_AUTO, ",\"tool_choice\":\"none\"", ",\"tool_choice\":\"none\"" },
		{ QUIRK_CHOICE_OPTION, ",\"tool_choice\":\"required\"",
		  ",\"tool_choice_option\":\"required\"" },
		{ QUIRK_CHOICE_OPTION, ",\"tool_choice\":{\"type\":\"function\"}",
		  ",\"tool_choice\":{\"type\":\"function\"}" },
	};

	ROWS(OPENAI_CHAT, rows);
}

static void schemas_lose_what_is_refused(void **state UNUSED)
{
	static const struct row rows[] = {
		{ QUIRK_NO_STRICT,
		  ",\"tools\":[{\"type\":\"function\",\"function\":{\"strict\":true,\"name\":"
		  "\"f\"}},"
		  "{\"function\":{\"name\":\"g\", \"strict\":true}}]",
		  ",\"tools\":[{\"type\":\"function\",\"function\":{\"name\":\"f\"}},"
		  "{\"function\":{\"name\":\"g\"}}]",
		  "strict" },
		{ QUIRK_NO_STRICT,
		  ",\"tools\":[{\"function\":{\"name\":\"g\",\"strict\":false}}]",
		  ",\"tools\":[{\"function\":{\"name\":\"g\"}}]" },
		{ QUIRK_NO_ADDITIONAL,
		  ",\"tools\":[{\"function\":{\"parameters\":{\"additionalProperties\":false,"
		  "\"properties\":{\"additionalProperties\":{\"type\":\"string\"},\"b\":{"
		  "\"anyOf\":["
		  "{\"additionalProperties\":{\"additionalProperties\":false}}]}}}}}]",
		  ",\"tools\":[{\"function\":{\"parameters\":{"
		  "\"properties\":{\"additionalProperties\":{\"type\":\"string\"},\"b\":{"
		  "\"anyOf\":["
		  "{}]}}}}}]",
		  "additionalProperties" },
		{ QUIRK_NO_STRICT | QUIRK_NO_ADDITIONAL,
		  ",\"response_format\":{\"type\":\"json_schema\",\"json_schema\":{\"name\":"
		  "\"n\","
		  "\"strict\":true,\"schema\":{\"a\":1,\"additionalProperties\":true}}}",
		  ",\"response_format\":{\"type\":\"json_schema\",\"json_schema\":{\"name\":"
		  "\"n\","
		  "\"schema\":{\"a\":1}}}",
		  "strict" },
		{ QUIRK_BARE_SCHEMA,
		  ",\"response_format\":{\"type\":\"json_schema\",\"json_schema\":{\"name\":"
		  "\"n\","
		  "\"description\":\"d\",\"schema\":{\"name\":1},\"strict\":true}}",
		  ",\"response_format\":{\"type\":\"json_schema\",\"json_schema\":{"
		  "\"schema\":{\"name\":1}}}" },
		{ QUIRK_NO_JSON_SCHEMA,
		  ",\"response_format\":{\"type\":\"json_schema\",\"json_schema\":{\"name\":"
		  "\"n\"}}",
		  ",\"response_format\":{\"type\":\"json_object\"}",
		  "response_format.json_schema" },
		{ QUIRK_NO_JSON_SCHEMA, ",\"response_format\":{\"type\":\"json_object\"}",
		  ",\"response_format\":{\"type\":\"json_object\"}" },
		{ QUIRK_NO_TEXT_FORMAT, ",\"response_format\":{\"type\":\"text\"}", "" },
	};

	ROWS(OPENAI_CHAT, rows);
}

#define MESSAGES(m) ",\"messages\":[" m "]"
#define USER(c)     "{\"role\":\"user\",\"content\":" c "}"

static void messages_are_said_as_the_provider_wants(void **state UNUSED)
{
	static const struct row rows[] = {
		{ QUIRK_NO_NAMES,
		  MESSAGES("{\"name\":\"bob\",\"role\":\"user\",\"content\":\"x\"}"),
		  MESSAGES("{\"role\":\"user\",\"content\":\"x\"}"), "name" },
		{ QUIRK_NO_NAMES,
		  MESSAGES("{\"role\":\"tool\",\"tool_call_id\":\"i\",\"name\":\"f\","
			   "\"content\":\"x\"}"),
		  MESSAGES("{\"role\":\"tool\",\"tool_call_id\":\"i\",\"content\":\"x\"}") },
		{ QUIRK_NO_NAMES, MESSAGES("{\"role\":\"function\",\"name\":\"f\"}"),
		  MESSAGES("{\"role\":\"function\",\"name\":\"f\"}") },
		{ QUIRK_REASONING_NAME,
		  MESSAGES("{\"role\":\"assistant\",\"reasoning_content\":\"r\"}"),
		  MESSAGES("{\"role\":\"assistant\",\"reasoning\":\"r\"}") },
		{ QUIRK_REASONING_NAME,
		  MESSAGES("{\"role\":\"assistant\",\"reasoning\":\"r\","
			   "\"reasoning_content\":\"r\"}"),
		  MESSAGES("{\"role\":\"assistant\",\"reasoning\":\"r\"}") },
		{ QUIRK_REASONING_TURNS,
		  MESSAGES(
			  USER("\"q\"") ",{\"role\":\"assistant\",\"content\":\"a\"},"
					"{ \"role\":\"assistant\",\"reasoning_content\":null},"
					"{\"role\":\"assistant\",\"reasoning\":\"r\"},"
					"{\"role\":\"assistant\",\"reasoning_content\":\"s\"}"),
		  MESSAGES(USER("\"q\"") ",{\"reasoning_content\":\"\",\"role\":\"assistant\","
					 "\"content\":\"a\"},"
					 "{ \"role\":\"assistant\",\"reasoning_content\":\"\"},"
					 "{\"role\":\"assistant\",\"reasoning_content\":\"r\"},"
					 "{\"role\":\"assistant\",\"reasoning_content\":"
					 "\"s\"}") },
		{ QUIRK_STRING_CONTENT,
		  MESSAGES(USER("[{\"type\":\"text\",\"text\":\"a\\n\"}, "
				"{\"text\":\"b\",\"type\":\"text\"}]")),
		  MESSAGES(USER("\"a\\n\\nb\"")) },
		{ QUIRK_STRING_CONTENT, MESSAGES(USER("[]")), MESSAGES(USER("\"\"")) },
		{ QUIRK_STRING_CONTENT,
		  MESSAGES(USER(
			  "[{\"type\":\"text\",\"text\":\"a\"},{\"type\":\"image_url\"}]")),
		  MESSAGES(USER(
			  "[{\"type\":\"text\",\"text\":\"a\"},{\"type\":\"image_url\"}]")) },
		{ QUIRK_SHORT_IDS,
		  MESSAGES("{\"role\":\"assistant\",\"tool_calls\":[{\"id\":\"abcDEF123\"}]},"
			   "{\"role\":\"tool\",\"tool_call_id\":\"abcDEF123\"}"),
		  MESSAGES("{\"role\":\"assistant\",\"tool_calls\":[{\"id\":\"abcDEF123\"}]},"
			   "{\"role\":\"tool\",\"tool_call_id\":\"abcDEF123\"}") },
	};

	ROWS(OPENAI_CHAT, rows);
}

static void neighbours_of_one_role_are_joined(void **state UNUSED)
{
	static const struct row rows[] = {
		{ QUIRK_ALTERNATE, MESSAGES(USER("\"a\"") "," USER("\"b\"")),
		  MESSAGES(USER("\"a\\n\\nb\"")) },
		/* Wherever the role stands. */
		{ QUIRK_ALTERNATE,
		  MESSAGES("{\"content\":\"a\",\"role\":\"user\"} , " USER(
			  "\"b\"") ",{"
				   "\"content\":[{\"type\":\"text\",\"text\":\"c\"},"
				   "{\"type\":\"text\",\"text\":\"d\"}],\"role\":\"user\","
				   "\"name\":\"n\"}"),
		  MESSAGES(USER("\"a\\n\\nb\\n\\nc\\nd\"")) },
		{ QUIRK_ALTERNATE,
		  MESSAGES("{\"role\":\"system\",\"content\":\"s\"}," USER(
			  "\"a\"") ","
				   "{\"role\":\"assistant\",\"content\":\"b\"},{\"role\":"
				   "\"assistant\","
				   "\"content\":\"c\"}," USER("\"d\"")),
		  MESSAGES("{\"role\":\"system\",\"content\":\"s\"}," USER(
			  "\"a\"") ","
				   "{\"role\":\"assistant\",\"content\":\"b\\n\\nc\"}," USER(
					   "\"d\"")) },
		{ QUIRK_ALTERNATE, MESSAGES(USER("[]") "," USER("[]")),
		  MESSAGES(USER("\"\"")) },
		{ QUIRK_ALTERNATE, MESSAGES(USER("[]") "," USER("\"b\"")),
		  MESSAGES(USER("\"b\"")) },
		/* Never what is not text. */
		{ QUIRK_ALTERNATE,
		  MESSAGES(USER("\"a\"") "," USER("[{\"type\":\"image_url\"}]")),
		  MESSAGES(USER("\"a\"") "," USER("[{\"type\":\"image_url\"}]")) },
	};

	ROWS(OPENAI_CHAT, rows);
}

static void old_reasoners_get_no_reasoning(void **state UNUSED)
{
	const struct openai_target t = { .model_json = LITC("\"deepseek-reasoner\""),
					 .quirks = QUIRK_REASONING_TURNS };
	char out[256];

	edit(OPENAI_CHAT,
	     "{\"model\":\"m\",\"messages\":[{\"role\":\"assistant\",\"content\":\"a\","
	     "\"reasoning_content\":\"r\"}]}",
	     &t, out, sizeof(out));
	CHECK_STR(out, "{\"model\":\"deepseek-reasoner\",\"messages\":[{\"role\":\"assistant\","
		       "\"content\":\"a\"}]}");
}

static void a_call_and_its_result_keep_the_same_id(void **state UNUSED)
{
	const struct openai_target t = { .model_json = LITC("\"m\""),
					 .quirks = QUIRK_SHORT_IDS };
	struct slice first, second;
	char out[512];

	edit(OPENAI_CHAT,
	     "{\"model\":\"m\",\"messages\":[{\"role\":\"assistant\",\"tool_calls\":[{\"id\":"
	     "\"call_1234567890\"},{\"id\":\"call_2\"}]},{\"role\":\"tool\",\"tool_call_id\":"
	     "\"call_1234567890\"}]}",
	     &t, out, sizeof(out));
	first = slice_cstr(strstr(out, "\"id\":\"") + 6);
	second = slice_cstr(strstr(out, "tool_call_id\":\"") + 15);
	CHECK(slice_eq(slice_head(first, 10), slice_head(second, 10)));
	CHECK(first.p[9] == '"');
	CHECK(strstr(out, "\"call_") == NULL);
}

static void the_model_is_called_model_id_where_it_must(void **state UNUSED)
{
	static const struct slice add[] = { LITC("\"project_id\":\"p\""),
					    LITC("\"user\":\"x\"") };
	const struct openai_target t = { .model_json = LITC("\"up\""),
					 .add_members = add,
					 .add_member_n = 2,
					 .quirks = QUIRK_MODEL_ID };
	char out[256];

	edit(OPENAI_CHAT, "{\"model\":\"m\",\"user\":\"me\"}", &t, out, sizeof(out));
	CHECK_STR(out, "{\"model_id\":\"up\",\"user\":\"me\",\"project_id\":\"p\"}");
}

static void what_is_dropped_is_told(void **state UNUSED)
{
	static const struct slice drop[] = { LITC("seed"), LITC("store"), LITC("user") };
	struct chat_lost lost = { 0 };
	const struct openai_target t = { .model_json = LITC("\"m\""),
					 .drop_params = drop,
					 .drop_param_n = 3,
					 .quirks = QUIRK_RANDOM_SEED,
					 .lost = &lost };
	char out[256];

	edit(OPENAI_CHAT, "{\"model\":\"m\",\"user\":null,\"seed\":1,\"x\":2}", &t, out,
	     sizeof(out));
	CHECK_STR(out, "{\"model\":\"m\",\"x\":2}");
	CHECK_INT(lost.n, 1);
	CHECK_STR(lost.v[0].name, "seed");
}

/* Far more edits than fit where there are no quirks. */
static void a_long_conversation_is_edited_whole(void **state UNUSED)
{
	enum { TURNS = 3000 };
	static char in[TURNS * 64], out[TURNS * 64];
	const struct openai_target t = { .model_json = LITC("\"m\""),
					 .quirks = QUIRK_REASONING_TURNS };
	size_t found = 0;
	struct sb b;

	sb_init(&b, in, sizeof(in));
	sb_lit(&b, "{\"model\":\"m\",\"messages\":[");
	for (int i = 0; i < TURNS; i++)
		sb_fmt(&b, "%s{\"role\":\"%s\"}", i == 0 ? "" : ",",
		       i % 2 == 0 ? "user" : "assistant");
	sb_lit(&b, "]}");
	edit(OPENAI_CHAT, sb_cstr(&b), &t, out, sizeof(out));
	for (const char *p = out; (p = strstr(p, "\"reasoning_content\":\"\"")) != NULL; p++)
		found++;
	CHECK_INT(found, TURNS / 2);
}

static void quirks_sweep(struct test_mem *t)
{
	struct chat_lost lost = { 0 };
	const struct openai_target target = { .model_json = LITC("\"up\""),
					      .quirks = ~0U,
					      .lost = &lost };
	struct openai_refusal why;
	struct openai_request r;
	struct slice *pieces;
	struct arena a;
	size_t n, bytes;
	enum rc rc;

	arena_init(&a, &t->mem, 64, 1 << 20);
	rc = openai_request_read(
		&r, OPENAI_CHAT,
		LIT("{\"model\":\"m\",\"seed\":1,\"tools\":[{\"function\":{\"strict\":true,"
		    "\"parameters\":{\"additionalProperties\":false,\"x\":{\"y\":{}}}}}],"
		    "\"messages\":[{\"role\":\"user\",\"content\":\"a\"},{\"role\":\"user\","
		    "\"content\":\"b\"},{\"role\":\"assistant\",\"tool_calls\":[{\"id\":\"x\"}]"
		    "},"
		    "{\"role\":\"tool\",\"tool_call_id\":\"x\",\"name\":\"n\"}]}"),
		&a, &why);
	if (rc == OK)
		rc = openai_request_pieces(&r, &target, &a, &pieces, &n, &bytes);
	CHECK(rc == OK || rc == E_NOMEM);
	arena_free(&a);
}

static void quirks_survive_failing_memory(void **state UNUSED)
{
	sweep(quirks_sweep);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(parameters_are_renamed_lowered_and_left_out),
		cmocka_unit_test(tool_choices_are_said_as_the_provider_wants),
		cmocka_unit_test(schemas_lose_what_is_refused),
		cmocka_unit_test(messages_are_said_as_the_provider_wants),
		cmocka_unit_test(neighbours_of_one_role_are_joined),
		cmocka_unit_test(old_reasoners_get_no_reasoning),
		cmocka_unit_test(a_call_and_its_result_keep_the_same_id),
		cmocka_unit_test(the_model_is_called_model_id_where_it_must),
		cmocka_unit_test(what_is_dropped_is_told),
		cmocka_unit_test(a_long_conversation_is_edited_whole),
		cmocka_unit_test(quirks_survive_failing_memory),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
