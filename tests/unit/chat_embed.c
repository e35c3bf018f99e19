#include "check.h"

#include "base/sb.h"
#include "chat/embed.h"

struct kit {
	struct test_mem mem;
	struct arena a;
	struct chat_lost lost;
	struct chat_refusal why;
	char text[1024];
};

static void begin(struct kit *k)
{
	*k = (struct kit){ 0 };
	test_mem_init(&k->mem, 0);
	arena_init(&k->a, &k->mem.mem, 1024, 1 << 24);
}

static void done(struct kit *k)
{
	arena_free(&k->a);
	CHECK_INT(k->mem.live, 0);
}

static enum rc read_request(struct kit *k, const struct embed_dialect *d,
			    struct embed_request *r, const char *body)
{
	const struct request_in in = { .body = slice_cstr(body),
				       .model = d == &embed_gemini ? LIT("models/asked")
								   : LIT(""),
				       .op = OP_EMBEDDINGS };

	return d->request_read(r, &in, &k->a, &k->why);
}

static enum rc write_request(struct kit *k, const struct embed_dialect *d,
			     const struct embed_request *r, const struct chat_target *t,
			     struct slice *out)
{
	struct json_out o;
	enum rc rc;

	k->lost = (struct chat_lost){ 0 };
	out_init(&o, &k->a);
	rc = d->request_write(r, t, &o, &k->lost, &k->why);
	*out = out_slice(&o);
	return rc;
}

static const char *lost(struct kit *k)
{
	struct sb b;

	sb_init(&b, k->text, sizeof(k->text));
	for (size_t i = 0; i < size_min(k->lost.n, LOST_MAX); i++) {
		sb_lit(&b, i > 0 ? "," : "");
		sb_lit(&b, k->lost.v[i].name);
	}
	return sb_cstr(&b);
}

/* The same question of each kind of client: two texts, for search, 2 dimensions. */
static const struct {
	const struct embed_dialect *from;
	const char *body;
} clients[] = {
	{ &embed_openai, "{\"model\":\"m\",\"input\":[\"a\\u00e9\",\"b\"],\"dimensions\":2,"
			 "\"encoding_format\":\"float\",\"input_type\":\"query\"}" },
	{ &embed_cohere,
	  "{\"model\":\"m\",\"texts\":[\"a\\u00e9\",\"b\"],\"output_dimension\":2,"
	  "\"embedding_types\":[\"float\"],\"input_type\":\"search_query\"}" },
	{ &embed_cohere,
	  "{\"model\":\"m\",\"inputs\":[{\"content\":[{\"type\":\"text\",\"text\":"
	  "\"a\\u00e9\"}]},{\"content\":[{\"type\":\"text\",\"text\":\"b\"}]}],"
	  "\"output_dimension\":2,\"input_type\":\"search_query\"}" },
	{ &embed_gemini,
	  "{\"requests\":[{\"model\":\"models/m\",\"content\":{\"parts\":[{\"text\":"
	  "\"a\\u00e9\"}]},\"taskType\":\"RETRIEVAL_QUERY\",\"outputDimensionality\":2},"
	  "{\"content\":{\"parts\":[{\"text\":\"b\"}]},\"task_type\":\"RETRIEVAL_QUERY\"}]}" },
};

/* And what it is to each kind of provider, with an answer of that. */
static const struct {
	const struct embed_dialect *to;
	struct chat_target t;
	const char *path, *body, *lost, *answer;
} providers[] = {
	{ &embed_openai,
	  { .model = LITC("up") },
	  "/embeddings",
	  "{\"model\":\"up\",\"input\":[\"a\\u00e9\",\"b\"],\"dimensions\":2}",
	  "input_type",
	  "{\"object\":\"list\",\"data\":[{\"index\":1,\"embedding\":[3,4e0]},{\"index\":0,"
	  "\"embedding\":[0.10,-2]}],\"usage\":{\"prompt_tokens\":7,\"total_tokens\":7}}" },
	{ &embed_openai, /* Mistral */
	  { .model = LITC("up"), .quirks = QUIRK_OUTPUT_DIMENSION },
	  "/embeddings",
	  "{\"model\":\"up\",\"input\":[\"a\\u00e9\",\"b\"],\"output_dimension\":2}",
	  "input_type",
	  "{\"data\":[{\"embedding\":[0.10,-2]},{\"embedding\":[3,4e0]}],\"usage\":"
	  "{\"prompt_tokens\":7}}" },
	{ &embed_openai, /* Voyage */
	  { .model = LITC("up"), .quirks = QUIRK_OUTPUT_DIMENSION | QUIRK_INPUT_TYPE },
	  "/embeddings",
	  "{\"model\":\"up\",\"input\":[\"a\\u00e9\",\"b\"],\"output_dimension\":2,"
	  "\"input_type\":\"query\"}",
	  "",
	  "{\"data\":[{\"embedding\":\"zczMPQAAAMA=\"},{\"embedding\":\"AABAQAAAgEA=\"}],"
	  "\"usage\":{\"total_tokens\":7}}" },
	{ &embed_cohere,
	  { .model = LITC("up") },
	  "/v2/embed",
	  "{\"model\":\"up\",\"texts\":[\"a\\u00e9\",\"b\"],\"input_type\":\"search_query\","
	  "\"embedding_types\":[\"float\"],\"output_dimension\":2}",
	  "",
	  "{\"id\":\"x\",\"embeddings\":{\"float\":[[0.10,-2],[3,4e0]]},\"texts\":[\"a\",\"b\"]"
	  ","
	  "\"meta\":{\"billed_units\":{\"input_tokens\":7}}}" },
	{ &embed_gemini,
	  { .model = LITC("up") },
	  "/models/up:batchEmbedContents",
	  "{\"requests\":[{\"model\":\"models/up\",\"content\":{\"parts\":[{\"text\":"
	  "\"a\\u00e9\"}]},\"taskType\":\"RETRIEVAL_QUERY\",\"outputDimensionality\":2},"
	  "{\"model\":\"models/up\",\"content\":{\"parts\":[{\"text\":\"b\"}]},\"taskType\":"
	  "\"RETRIEVAL_QUERY\",\"outputDimensionality\":2}]}",
	  "",
	  "{\"embeddings\":[{\"values\":[0.10,-2]},{\"values\":[3,4e0]}],\"usageMetadata\":"
	  "{\"promptTokenCount\":7}}" },
	{ &embed_gemini, /* Vertex */
	  { .model = LITC("up"), .vertex = true },
	  "/models/up:predict",
	  "{\"instances\":[{\"content\":\"a\\u00e9\",\"task_type\":\"RETRIEVAL_QUERY\"},"
	  "{\"content\":\"b\",\"task_type\":\"RETRIEVAL_QUERY\"}],\"parameters\":"
	  "{\"outputDimensionality\":2}}",
	  "",
	  "{\"predictions\":[{\"embeddings\":{\"values\":[0.10,-2],\"statistics\":"
	  "{\"token_count\":3}}},{\"embeddings\":{\"values\":[3,4e0],\"statistics\":"
	  "{\"token_count\":4.0}}}]}" },
	{ &embed_bedrock,
	  { .model = LITC("us.cohere.embed-v4:0") },
	  "/model/us.cohere.embed-v4%3A0/invoke",
	  "{\"texts\":[\"a\\u00e9\",\"b\"],\"input_type\":\"search_query\",\"embedding_types\":"
	  "[\"float\"],\"output_dimension\":2}",
	  "",
	  "{\"embeddings\":{\"float\":[[0.10,-2],[3,4e0]]},\"meta\":{\"tokens\":"
	  "{\"input_tokens\":7},\"billed_units\":{\"input_tokens\":1}}}" },
	{ &embed_bedrock,
	  { .model = LITC("cohere.embed-english-v3") },
	  "/model/cohere.embed-english-v3/invoke",
	  "{\"texts\":[\"a\\u00e9\",\"b\"],\"input_type\":\"search_query\",\"embedding_types\":"
	  "[\"float\"]}",
	  "dimensions",
	  "{\"embeddings\":[[0.10,-2],[3,4e0]],\"meta\":{\"billed_units\":{\"input_tokens\":"
	  "7}}}" },
	{ &embed_ollama,
	  { .model = LITC("up") },
	  "/api/embed",
	  "{\"model\":\"up\",\"input\":[\"a\\u00e9\",\"b\"],\"dimensions\":2}",
	  "input_type",
	  "{\"embeddings\":[[0.10,-2],[3,4e0]],\"prompt_eval_count\":7}" },
};

static void every_client_reaches_every_provider(void **state UNUSED)
{
	for (size_t c = 0; c < ARRAY_LEN(clients); c++)
		for (size_t p = 0; p < ARRAY_LEN(providers); p++) {
			struct embed_request r;
			struct slice out;
			struct kit k;

			begin(&k);
			CHECK_RC(read_request(&k, clients[c].from, &r, clients[c].body), OK);
			CHECK_SLICE(r.model, clients[c].from == &embed_gemini ? "asked" : "m");
			CHECK_INT(r.n, 2);
			CHECK_RC(write_request(&k, providers[p].to, &r, &providers[p].t, &out),
				 OK);
			CHECK_SLICE(out, providers[p].body);
			CHECK_STR(lost(&k), providers[p].lost);
			CHECK_SLICE(providers[p].to->path(&providers[p].t, &k.a),
				    providers[p].path);
			done(&k);
		}
}

/* `four`: the number 4 as the provider wrote it. */
static void answered(struct kit *k, const struct embed_request *r,
		     const struct embed_answer *ans, const char *four)
{
	const struct chat_reply to = { .id = LIT("req-1"), .model = LIT("m") };
	bool decoded = ans->v[0].numbers.n == 0;
	const char *point_one = decoded ? "0.1" : "0.10";
	struct json_out o;
	struct slice want;

	out_init(&o, &k->a);
	r->dialect->answer_write(&to, r, ans, &o);
	CHECK(out_ok(&o));
	if (r->dialect == &embed_openai)
		want = arena_fmt(
			&k->a,
			"{\"object\":\"list\",\"data\":[{\"object\":\"embedding\","
			"\"index\":0,\"embedding\":[%s,-2]},{\"object\":\"embedding\","
			"\"index\":1,\"embedding\":[3,%s]}],\"model\":\"m\",\"usage\":{"
			"\"prompt_tokens\":7,\"total_tokens\":7}}",
			point_one, four);
	else if (r->dialect == &embed_cohere)
		want = arena_fmt(
			&k->a,
			"{\"id\":\"req-1\",\"embeddings\":{\"float\":[[%s,-2],[3,%s]]},"
			"\"texts\":[\"a\\u00e9\",\"b\"],\"meta\":{\"api_version\":{"
			"\"version\":\"2\"},\"billed_units\":{\"input_tokens\":7}},"
			"\"response_type\":\"embeddings_by_type\"}",
			point_one, four);
	else
		want = arena_fmt(&k->a,
				 "{\"embeddings\":[{\"values\":[%s,-2]},{\"values\":[3,%s]}],"
				 "\"usageMetadata\":{\"promptTokenCount\":7}}",
				 point_one, four);
	CHECK_SLICE(out_slice(&o), arena_cstr(&k->a, want));
}

static void every_provider_answers_every_client(void **state UNUSED)
{
	for (size_t c = 0; c < ARRAY_LEN(clients); c++)
		for (size_t p = 0; p < ARRAY_LEN(providers); p++) {
			struct embed_request r;
			struct embed_answer ans;
			struct kit k;

			begin(&k);
			CHECK_RC(read_request(&k, clients[c].from, &r, clients[c].body), OK);
			CHECK_RC(providers[p].to->answer_read(slice_cstr(providers[p].answer),
							      &r, &ans, &k.a),
				 OK);
			CHECK(ans.usage.known && !ans.usage.odd);
			answered(&k, &r, &ans, json_text_empty(ans.v[0].base64) ? "4e0" : "4");
			done(&k);
		}
}

static void one_text_is_one_vector(void **state UNUSED)
{
	const struct chat_target titan = { .model = LIT("amazon.titan-embed-text-v2:0") };
	const struct chat_target old = { .model = LIT("amazon.titan-embed-text-v1") };
	const struct chat_target up = { .model = LIT("up") };
	const struct chat_reply to = { .model = LIT("m") };
	struct embed_request r;
	struct embed_answer ans;
	struct json_out o;
	struct slice out;
	struct kit k;

	begin(&k);
	CHECK_RC(read_request(&k, &embed_gemini, &r,
			      "{\"content\":{\"parts\":[{\"text\":\"a\"},{\"text\":\"b\"}]},"
			      "\"title\":\"T\",\"outputDimensionality\":256}"),
		 OK);
	CHECK_RC(write_request(&k, &embed_bedrock, &r, &titan, &out), OK);
	CHECK_SLICE(out, "{\"inputText\":\"a\\nb\",\"dimensions\":256}");
	CHECK_STR(lost(&k), "title");
	CHECK_RC(write_request(&k, &embed_bedrock, &r, &old, &out), OK);
	CHECK_SLICE(out, "{\"inputText\":\"a\\nb\"}");
	CHECK_STR(lost(&k), "title,dimensions");
	CHECK_RC(
		embed_bedrock.answer_read(
			LIT("{\"embedding\":[1.5],\"inputTextTokenCount\":2}"), &r, &ans, &k.a),
		OK);
	out_init(&o, &k.a);
	embed_gemini.answer_write(&to, &r, &ans, &o);
	CHECK_SLICE(out_slice(&o), "{\"embedding\":{\"values\":[1.5]},\"usageMetadata\":{"
				   "\"promptTokenCount\":2}}");
	CHECK_RC(read_request(&k, &embed_openai, &r, "{\"model\":\"m\",\"input\":\"one\"}"),
		 OK);
	CHECK_RC(write_request(&k, &embed_openai, &r, &up, &out), OK);
	CHECK_SLICE(out, "{\"model\":\"up\",\"input\":\"one\"}");
	CHECK_RC(write_request(&k, &embed_cohere, &r, &up, &out), OK);
	CHECK_SLICE(out, "{\"model\":\"up\",\"texts\":[\"one\"],\"input_type\":"
			 "\"search_document\",\"embedding_types\":[\"float\"]}");
	/* The answer to :embedContent. */
	CHECK_RC(embed_gemini.answer_read(LIT("{\"embedding\":{\"values\":[1]}}"), &r, &ans,
					  &k.a),
		 OK);
	CHECK(!ans.usage.known);
	done(&k);
}

static void floats_and_base64_are_each_other(void **state UNUSED)
{
	static const struct {
		const char *numbers, *base64, *again;
	} rows[] = {
		{ "[1,-2.5, 0]", "AACAPwAAIMAAAAAA", "[1,-2.5,0]" },
		{ "[0.1]", "zczMPQ==", "[0.1]" },
		{ "[1e-05,-0.0]", "rMUnNwAAAIA=", "[1e-05,-0]" },
		{ "[0.123456789,16777216]", "6tb8PQAAgEs=", "[0.12345679,16777216]" },
		{ "[3.4028235e+38]", "//9/fw==", "[3.4028235e+38]" },
	};

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct embed_vector v = { .numbers = slice_cstr(rows[i].numbers) };
		struct json_out o;
		struct slice out;
		struct kit k;

		begin(&k);
		out_init(&o, &k.a);
		embed_base64_out(&o, &v);
		out = out_slice(&o);
		CHECK_SLICE(json_text_of(out).s, rows[i].base64);
		v = (struct embed_vector){ .base64 = json_text_of(out) };
		out_init(&o, &k.a);
		embed_numbers_out(&o, &v);
		CHECK_SLICE(out_slice(&o), rows[i].again);
		done(&k);
	}
}

static void what_is_no_vector_is_an_empty_one(void **state UNUSED)
{
	static const char *const numbers[] = { "[1,\"x\"]", "[1e39]", "[1e400]", "[[1]]" };
	static const char *const base64[] = { "AAA", "AAAA", "????" };
	struct embed_vector v = { 0 };
	struct json_out o;
	struct kit k;

	begin(&k);
	for (size_t i = 0; i < ARRAY_LEN(numbers); i++) {
		v = (struct embed_vector){ .numbers = slice_cstr(numbers[i]) };
		out_init(&o, &k.a);
		embed_base64_out(&o, &v);
		CHECK_SLICE(out_slice(&o), "\"\"");
	}
	for (size_t i = 0; i < ARRAY_LEN(base64); i++) {
		v = (struct embed_vector){ .base64.s = slice_cstr(base64[i]) };
		out_init(&o, &k.a);
		embed_numbers_out(&o, &v);
		CHECK_SLICE(out_slice(&o), "[]");
	}
	/* JSON has no infinity */
	v = (struct embed_vector){ .base64 = JTEXT("AACAfwAAwH8=") };
	out_init(&o, &k.a);
	embed_numbers_out(&o, &v);
	CHECK_SLICE(out_slice(&o), "[0,0]");
	done(&k);
}

static void an_answer_in_base64_is_asked_for_and_given(void **state UNUSED)
{
	const struct chat_target up = { .model = LIT("up") };
	const struct chat_reply to = { .model = LIT("m") };
	struct embed_request r;
	struct embed_answer ans;
	struct json_out o;
	struct slice out;
	struct kit k;

	begin(&k);
	CHECK_RC(read_request(
			 &k, &embed_openai, &r,
			 "{\"model\":\"m\",\"input\":\"x\",\"encoding_format\":\"base64\"}"),
		 OK);
	CHECK_RC(write_request(&k, &embed_openai, &r, &up, &out), OK);
	CHECK_SLICE(out, "{\"model\":\"up\",\"input\":\"x\",\"encoding_format\":\"base64\"}");
	CHECK_RC(write_request(&k, &embed_cohere, &r, &up, &out), OK);
	CHECK(slice_find(out, LIT("\"embedding_types\":[\"base64\"]")) != SLICE_NONE);
	CHECK_RC(embed_ollama.answer_read(LIT("{\"embeddings\":[[1,-2.5]]}"), &r, &ans, &k.a),
		 OK);
	out_init(&o, &k.a);
	embed_openai.answer_write(&to, &r, &ans, &o);
	CHECK_SLICE(out_slice(&o),
		    "{\"object\":\"list\",\"data\":[{\"object\":\"embedding\",\"index\":0,"
		    "\"embedding\":\"AACAPwAAIMA=\"}],\"model\":\"m\",\"usage\":{"
		    "\"prompt_tokens\":0,\"total_tokens\":0}}");
	/* Both, as Cohere's clients may want. */
	CHECK_RC(read_request(&k, &embed_cohere, &r,
			      "{\"model\":\"m\",\"texts\":[\"x\"],\"input_type\":"
			      "\"clustering\",\"embedding_types\":[\"base64\",\"float\"]}"),
		 OK);
	out_init(&o, &k.a);
	embed_cohere.answer_write(&to, &r, &ans, &o);
	CHECK(slice_find(out_slice(&o), LIT("\"embeddings\":{\"float\":[[1,-2.5]],\"base64\":["
					    "\"AACAPwAAIMA=\"]}")) != SLICE_NONE);
	done(&k);
}

static void tokens_and_images_go_where_they_are_known(void **state UNUSED)
{
	const struct chat_target up = { .model = LIT("up") };
	struct embed_request r;
	struct slice out;
	struct kit k;

	begin(&k);
	CHECK_RC(read_request(&k, &embed_openai, &r, "{\"model\":\"m\",\"input\":[1,2]}"), OK);
	CHECK_RC(write_request(&k, &embed_openai, &r, &up, &out), OK);
	CHECK_SLICE(out, "{\"model\":\"up\",\"input\":[1,2]}");
	CHECK_RC(write_request(&k, &embed_gemini, &r, &up, &out), E_BAD);
	CHECK_STR(k.why.param, "input[0]");
	CHECK_STR(k.why.code, "unsupported_value");
	CHECK_RC(read_request(&k, &embed_openai, &r, "{\"model\":\"m\",\"input\":[[1,2],[3]]}"),
		 OK);
	CHECK_INT(r.n, 2);
	CHECK_RC(write_request(&k, &embed_openai, &r, &up, &out), OK);
	CHECK_SLICE(out, "{\"model\":\"up\",\"input\":[[1,2],[3]]}");
	CHECK_RC(read_request(&k, &embed_cohere, &r,
			      "{\"model\":\"m\",\"images\":[\"data:image/png;base64,AAAA\"],"
			      "\"input_type\":\"image\"}"),
		 OK);
	CHECK_RC(write_request(&k, &embed_openai, &r, &up, &out), E_BAD);
	CHECK_RC(write_request(&k, &embed_cohere, &r, &up, &out), OK);
	CHECK_SLICE(out, "{\"model\":\"up\",\"images\":[\"data:image/png;base64,AAAA\"],"
			 "\"input_type\":\"image\",\"embedding_types\":[\"float\"]}");
	done(&k);
}

static void what_a_provider_cannot_do_is_refused(void **state UNUSED)
{
	const struct chat_target titan = { .model = LIT("amazon.titan-embed-text-v2:0") };
	const struct chat_target other = { .model = LIT("amazon.nova-embed") };
	const struct chat_target up = { .model = LIT("up") };
	struct embed_request r;
	struct slice out;
	struct kit k;

	begin(&k);
	CHECK_RC(read_request(
			 &k, &embed_openai, &r,
			 "{\"model\":\"m\",\"input\":[\"a\",\"b\"],\"user\":\"u\",\"x\":1}"),
		 OK);
	CHECK_RC(write_request(&k, &embed_bedrock, &r, &titan, &out), E_BAD);
	CHECK_STR(k.why.text, "Titan takes one text per call; these are 2.");
	CHECK_RC(write_request(&k, &embed_bedrock, &r, &other, &out), E_BAD);
	CHECK_STR(k.why.param, "model");
	CHECK_RC(write_request(&k, &embed_ollama, &r, &up, &out), OK);
	CHECK_STR(lost(&k), "user,x");
	CHECK_RC(write_request(&k, &embed_openai, &r, &up, &out), OK);
	CHECK_SLICE(out, "{\"model\":\"up\",\"input\":[\"a\",\"b\"],\"user\":\"u\",\"x\":1}");
	CHECK_RC(read_request(&k, &embed_cohere, &r,
			      "{\"model\":\"m\",\"texts\":[\"x\"],\"input_type\":"
			      "\"clustering\",\"embedding_types\":[\"int8\"]}"),
		 OK);
	CHECK_RC(write_request(&k, &embed_openai, &r, &up, &out), E_BAD);
	CHECK_STR(k.why.param, "embedding_types");
	CHECK_RC(write_request(&k, &embed_cohere, &r, &up, &out), OK);
	CHECK(slice_find(out, LIT("[\"int8\"]")) != SLICE_NONE);
	CHECK(embed_dialect_of(DIALECT_ANTHROPIC) == NULL);
	CHECK(embed_dialect_of(DIALECT_RESPONSES) == &embed_openai);
	done(&k);
}

static void bad_requests_are_refused_with_code_and_path(void **state UNUSED)
{
	static const struct {
		const struct embed_dialect *d;
		const char *body, *code, *param;
	} rows[] = {
		{ &embed_openai, "{", "invalid_json", "" },
		{ &embed_openai, "{\"input\":\"x\"}", "missing_field", "model" },
		{ &embed_openai, "{\"model\":\"\",\"input\":\"x\"}", "invalid_value", "model" },
		{ &embed_openai, "{\"model\":\"m\"}", "missing_field", "input" },
		{ &embed_openai, "{\"model\":\"m\",\"input\":7}", "invalid_type", "input" },
		{ &embed_openai, "{\"model\":\"m\",\"input\":[]}", "invalid_value", "input" },
		{ &embed_openai, "{\"model\":\"m\",\"input\":[\"a\",{}]}", "invalid_type",
		  "input[1]" },
		{ &embed_openai, "{\"model\":\"m\",\"input\":\"x\",\"dimensions\":0}",
		  "invalid_value", "dimensions" },
		{ &embed_openai,
		  "{\"model\":\"m\",\"input\":\"x\",\"encoding_format\":\"int\"}",
		  "invalid_value", "encoding_format" },
		{ &embed_openai, "{\"model\":\"m\",\"input\":\"x\",\"user\":1}", "invalid_type",
		  "user" },
		{ &embed_openai, "{\"model\":\"m\",\"input\":\"x\",\"input\":\"x\"}",
		  "duplicate_field", "input" },
		{ &embed_cohere, "{\"model\":\"m\"}", "missing_field", "texts" },
		{ &embed_cohere, "{\"model\":\"m\",\"texts\":[1]}", "invalid_type",
		  "texts[0]" },
		{ &embed_cohere, "{\"model\":\"m\",\"texts\":[\"x\"]}", "missing_field",
		  "input_type" },
		{ &embed_cohere, "{\"model\":\"m\",\"texts\":[\"x\"],\"input_type\":\"y\"}",
		  "invalid_value", "input_type" },
		{ &embed_cohere, "{\"model\":\"m\",\"inputs\":[{}]}", "missing_field",
		  "inputs[0].content" },
		{ &embed_cohere,
		  "{\"model\":\"m\",\"texts\":[\"x\"],\"embedding_types\":[\"float\",2]}",
		  "invalid_type", "embedding_types[1]" },
		{ &embed_gemini, "{}", "missing_field", "content" },
		{ &embed_gemini, "{\"content\":1}", "invalid_type", "content" },
		{ &embed_gemini, "{\"requests\":[]}", "invalid_value", "requests" },
		{ &embed_gemini, "{\"requests\":[{}]}", "missing_field",
		  "requests[0].content" },
		{ &embed_gemini, "{\"requests\":[1]}", "invalid_type", "requests[0]" },
		{ &embed_gemini, "{\"content\":{},\"taskType\":\"x\"}", "invalid_value",
		  "taskType" },
		{ &embed_gemini,
		  "{\"requests\":[{\"content\":{},\"taskType\":\"CLUSTERING\"},{\"content\":{},"
		  "\"taskType\":\"CLASSIFICATION\"}]}",
		  "invalid_value", "requests[1].taskType" },
	};

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct embed_request r;
		struct kit k;

		begin(&k);
		CHECK_RC(read_request(&k, rows[i].d, &r, rows[i].body), E_BAD);
		CHECK_STR(k.why.param, rows[i].param);
		CHECK_STR(k.why.code, rows[i].code);
		done(&k);
	}
}

/* To two inputs. */
static void answers_to_something_else_are_none(void **state UNUSED)
{
	static const struct {
		const struct embed_dialect *d;
		const char *body;
	} rows[] = {
		{ &embed_openai, "" },
		{ &embed_openai, "{}" },
		{ &embed_openai, "{\"error\":{}}" },
		{ &embed_openai, "{\"data\":[{\"embedding\":[1]}]}" },
		{ &embed_openai, "{\"data\":[{\"embedding\":[1]},{\"embedding\":[]}]}" },
		{ &embed_openai, "{\"data\":[{\"index\":0,\"embedding\":[1]},{\"index\":0,"
				 "\"embedding\":[1]}]}" },
		{ &embed_openai, "{\"data\":[{\"index\":0,\"embedding\":[1]},{\"index\":2,"
				 "\"embedding\":[1]}]}" },
		{ &embed_cohere, "{\"embeddings\":{\"float\":[[1]]}}" },
		{ &embed_cohere, "{\"embeddings\":{\"float\":[[1],[2],[3]]}}" },
		{ &embed_cohere, "{\"message\":\"no\"}" },
		{ &embed_gemini, "{\"embedding\":{\"values\":[1]}}" },
		{ &embed_gemini, "{\"embeddings\":[{},{}]}" },
		{ &embed_gemini, "{\"predictions\":[]}" },
		{ &embed_bedrock, "{\"embedding\":[1]}" },
		{ &embed_ollama, "{\"embeddings\":[]}" },
	};

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct embed_request r;
		struct embed_answer ans;
		struct kit k;

		begin(&k);
		CHECK_RC(read_request(&k, clients[0].from, &r, clients[0].body), OK);
		CHECK_RC(rows[i].d->answer_read(slice_cstr(rows[i].body), &r, &ans, &k.a),
			 E_BAD);
		done(&k);
	}
}

static void all_of_it(struct test_mem *mem)
{
	const struct chat_reply to = { .id = LIT("r"), .model = LIT("m") };

	for (size_t c = 0; c < ARRAY_LEN(clients); c++)
		for (size_t p = 0; p < ARRAY_LEN(providers); p++) {
			const struct request_in in = { .body = slice_cstr(clients[c].body),
						       .model = LIT("m") };
			struct chat_lost gone = { 0 };
			struct chat_refusal why;
			struct embed_request r;
			struct embed_answer ans;
			struct json_out o;
			struct arena a;
			enum rc rc;

			arena_init(&a, &mem->mem, 64, 1 << 20);
			rc = clients[c].from->request_read(&r, &in, &a, &why);
			CHECK(rc == OK || rc == E_NOMEM);
			if (rc == OK) {
				out_init(&o, &a);
				rc = providers[p].to->request_write(&r, &providers[p].t, &o,
								    &gone, &why);
				CHECK(rc == OK || rc == E_NOMEM);
				rc = providers[p].to->answer_read(
					slice_cstr(providers[p].answer), &r, &ans, &a);
				CHECK(rc == OK || rc == E_NOMEM);
			}
			if (rc == OK) {
				out_init(&o, &a);
				r.base64 = r.floats = true;
				clients[c].from->answer_write(&to, &r, &ans, &o);
				CHECK(out_ok(&o) || arena_failed(&a));
			}
			arena_free(&a);
		}
}

static void no_memory_is_reported_wherever_it_fails(void **state UNUSED)
{
	sweep(all_of_it);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_client_reaches_every_provider),
		cmocka_unit_test(every_provider_answers_every_client),
		cmocka_unit_test(one_text_is_one_vector),
		cmocka_unit_test(floats_and_base64_are_each_other),
		cmocka_unit_test(what_is_no_vector_is_an_empty_one),
		cmocka_unit_test(an_answer_in_base64_is_asked_for_and_given),
		cmocka_unit_test(tokens_and_images_go_where_they_are_known),
		cmocka_unit_test(what_a_provider_cannot_do_is_refused),
		cmocka_unit_test(bad_requests_are_refused_with_code_and_path),
		cmocka_unit_test(answers_to_something_else_are_none),
		cmocka_unit_test(no_memory_is_reported_wherever_it_fails),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
