#include "chat_page.h"

/* ---- requests ---------------------------------------------------------------------------- */

static enum rc request_in(struct page *p, const char *body)
{
	const struct request_in in = { .body = slice_cstr(body) };

	return dialect_openai.request_read(&p->r, &in, &p->a, &p->why);
}

static void reads(const char *body, const char *want)
{
	struct page p;

	page_open(&p);
	CHECK_RC(request_in(&p, body), OK);
	dump_request(&p.b, &p.r);
	CHECK_STR(sb_cstr(&p.b), want);
	page_close(&p);
}

#define ASKS(messages, rest) "{\"model\":\"m\",\"messages\":[" messages "]" rest "}"
#define HELLO                "{\"role\":\"user\",\"content\":\"hi\"}"

static void a_plain_request_is_read(void **state UNUSED)
{
	reads(ASKS("{\"role\":\"developer\",\"content\":\"be \\u0022kind\\u0022\"},"
		   "{\"role\":\"user\",\"name\":\"ann\",\"content\":\"hi\"}",
		   ",\"max_tokens\":5,\"max_completion_tokens\":7,\"temperature\":0.10,"
		   "\"top_p\":1e0,\"seed\":-3,\"stop\":\"END\",\"n\":2,\"x_new\":[1,{}]"),
	      "developer\n  text \"be \\u0022kind\\u0022\"\n"
	      "user name=ann\n  text \"hi\"\n"
	      "with model=m max=7 temperature=0.10 top_p=1e0 seed=-3 n=2 stop=END\n"
	      "extra x_new [1,{}]\n");
}

static void every_parameter_finds_its_place(void **state UNUSED)
{
	reads(ASKS(HELLO,
		   ",\"stream\":true,\"stream_options\":{\"include_usage\":true},\"top_k\":4,"
		   "\"frequency_penalty\":1,\"presence_penalty\":-1,\"stop\":[\"a\",\"b\"],"
		   "\"logprobs\":true,\"top_logprobs\":3,\"parallel_tool_calls\":false,"
		   "\"reasoning_effort\":\"low\",\"user\":\"u\",\"metadata\":{\"k\":\"v\"},"
		   "\"prompt_cache_key\":\"pk\",\"service_tier\":\"flex\","
		   "\"verbosity\":\"high\",\"store\":false,\"logit_bias\":{\"1\":2},"
		   "\"modalities\":[\"text\",\"audio\"],\"audio\":{\"voice\":\"x\"},"
		   "\"prediction\":{\"type\":\"content\"},\"seed\":null"),
	      "user\n  text \"hi\"\n"
	      "with model=m stream usage top_k=4 frequency=1 presence=-1 stop=a stop=b "
	      "logprobs=yes top_logprobs=3 parallel=no effort=low user=u "
	      "metadata={\"k\":\"v\"} cache_key=pk tier=flex verbosity=high store=no "
	      "audio={\"voice\":\"x\"} wants_audio\n"
	      "extra logit_bias {\"1\":2}\nextra prediction {\"type\":\"content\"}\n");
}

static void a_schema_that_is_not_there_is_any_json(void **state UNUSED)
{
	reads(ASKS(HELLO, ",\"response_format\":{\"type\":\"json_schema\",\"json_schema\":{"
			  "\"name\":\"n\"}}"),
	      "user\n  text \"hi\"\nformat json name=n\nwith model=m\n");
}

static void all_parts_are_read(void **state UNUSED)
{
	reads(ASKS("{\"role\":\"user\",\"content\":["
		   "{\"type\":\"text\",\"text\":\"a\",\"prompt_cache_breakpoint\":{\"mode\":"
		   "\"explicit\"}},"
		   "{\"type\":\"image_url\",\"image_url\":{\"url\":\"https://x/y.png\","
		   "\"detail\":\"low\"}},"
		   "{\"type\":\"image_url\",\"image_url\":{\"url\":\"data:image\\/png;base64,"
		   "iVBO\"}},"
		   "{\"type\":\"input_audio\",\"input_audio\":{\"data\":\"AAAA\",\"format\":"
		   "\"mp3\"}},"
		   "{\"type\":\"file\",\"file\":{\"filename\":\"a.pdf\",\"file_data\":"
		   "\"data:application/pdf;base64,JVBE\"}},"
		   "{\"type\":\"file\",\"file\":{\"file_id\":\"file-1\"}},"
		   "{\"type\":\"file\",\"file\":{\"filename\":\"n.csv\",\"file_data\":\"AAAA\"}"
		   "},"
		   "{\"type\":\"video_url\",\"video_url\":1}]}",
		   ""),
	      "user\n  text \"a\" cache=1\n"
	      "  image url url=https://x/y.png detail=low\n"
	      "  image inline mime=image/png data=iVBO\n"
	      "  audio inline mime=audio/mpeg data=AAAA\n"
	      "  document inline mime=application/pdf data=JVBE name=a.pdf\n"
	      "  document file url=file-1\n"
	      "  document inline mime=text/csv data=AAAA name=n.csv\n"
	      "  other (video_url) {\"type\":\"video_url\",\"video_url\":1}\n"
	      "with model=m\n");
}

static void a_round_of_tools_is_read(void **state UNUSED)
{
	reads(ASKS(HELLO
		   ",{\"role\":\"assistant\",\"content\":null,\"tool_calls\":["
		   "{\"id\":\"c1\",\"type\":\"function\",\"function\":{\"name\":\"f\","
		   "\"arguments\":\"{\\\"a\\\":1}\"}},"
		   "{\"id\":\"c2\",\"type\":\"function\",\"function\":{\"name\":\"g\","
		   "\"arguments\":\"\"},\"extra_content\":{\"google\":{\"thought_signature\":"
		   "\"weir~gem~SIG\"}}},"
		   "{\"id\":\"c3\",\"type\":\"custom\",\"custom\":{\"name\":\"h\",\"input\":"
		   "\"a\\nb\"}},"
		   "{\"id\":\"c4\",\"function\":{\"name\":\"f\",\"arguments\":\"{oops\"}}]},"
		   "{\"role\":\"tool\",\"tool_call_id\":\"c1\",\"content\":\"r1\"},"
		   "{\"role\":\"tool\",\"tool_call_id\":\"c2\",\"content\":[{\"type\":\"text\","
		   "\"text\":\"r2\"}]}",
		   ",\"tools\":[{\"type\":\"function\",\"function\":{\"name\":\"f\","
		   "\"description\":\"d\",\"parameters\":{\"type\":\"object\"},\"strict\":true}"
		   "},"
		   "{\"type\":\"custom\",\"custom\":{\"name\":\"h\",\"format\":{\"type\":"
		   "\"text\"}"
		   "}},{\"type\":\"web_search\"}],"
		   "\"tool_choice\":{\"type\":\"allowed_tools\",\"allowed_tools\":{\"mode\":"
		   "\"required\",\"tools\":[{\"type\":\"function\",\"function\":{\"name\":"
		   "\"f\"}}]}"
		   "}"),
	      "user\n  text \"hi\"\nassistant\n"
	      "  call c1 f {\"a\":1}\n  call c2 g  signed=SIG@gem\n  call c3 h a\nb custom\n"
	      "  call c4 f {oops bad\n"
	      "tool\n  result c1 name=f\n    text \"r1\"\n"
	      "tool\n  result c2 name=g\n    text \"r2\"\n"
	      "tool function name=f description=d schema={\"type\":\"object\"} strict=yes\n"
	      "tool custom name=h format={\"type\":\"text\"}\n"
	      "tool hosted type=web_search\n"
	      "choice allowed tool=f required\n"
	      "with model=m\n");
}

static void deprecated_functions_are_tools(void **state UNUSED)
{
	reads(ASKS(HELLO ",{\"role\":\"assistant\",\"content\":null,\"function_call\":{"
			 "\"name\":\"f\","
			 "\"arguments\":\"{}\"}},"
			 "{\"role\":\"function\",\"name\":\"f\",\"content\":\"r\"}",
		   ",\"functions\":[{\"name\":\"f\",\"parameters\":{}}],"
		   "\"function_call\":{\"name\":\"f\"}"),
	      "user\n  text \"hi\"\nassistant\n  call call_1 f {}\n"
	      "tool\n  result call_1 name=f\n    text \"r\"\n"
	      "tool function name=f schema={}\nchoice named tool=f\nwith model=m\n");
}

static void reasoning_is_read_back_in_all_its_forms(void **state UNUSED)
{
#define SAID(members) ASKS("{\"role\":\"assistant\",\"content\":\"a\"," members "}", "")
#define READ(parts)   "assistant\n" parts "  text \"a\"\nwith model=m\n"
	reads(SAID("\"reasoning_content\":\"t\""), READ("  reasoning \"t\"\n"));
	reads(SAID("\"reasoning\":\"t\",\"reasoning_content\":\"\""),
	      READ("  reasoning \"t\"\n"));
	/* The details say it exactly: which text each signature is of. */
	reads(SAID("\"reasoning_content\":\"tu\",\"reasoning_details\":["
		   "{\"type\":\"reasoning.text\",\"text\":\"t\",\"signature\":\"weir~p~S\"},"
		   "{\"type\":\"reasoning.encrypted\",\"data\":\"E\",\"id\":\"i\"},"
		   "{\"type\":\"reasoning.summary\",\"summary\":\"u\"}]"),
	      READ("  reasoning \"t\" signature=S@p\n  reasoning \"\" id=i encrypted=E\n"
		   "  reasoning \"u\" summary\n"));
	/* A signature alone is that of the plain text. */
	reads(SAID("\"reasoning_content\":\"t\",\"reasoning_details\":["
		   "{\"type\":\"reasoning.text\",\"signature\":\"S\"}]"),
	      READ("  reasoning \"t\" signature=S\n"));
	reads(SAID("\"reasoning_content\":\"t\",\"reasoning_details\":["
		   "{\"type\":\"reasoning.encrypted\",\"data\":\"E\"}]"),
	      READ("  reasoning \"t\"\n  reasoning \"\" encrypted=E\n"));
	/* Mistral's */
	reads(ASKS("{\"role\":\"assistant\",\"content\":[{\"type\":\"thinking\",\"thinking\":[{"
		   "\"type\":\"text\",\"text\":\"t\"},{\"type\":\"text\",\"text\":\"u\"}]},{"
		   "\"type\":\"text\",\"text\":\"a\"}]}",
		   ""),
	      READ("  reasoning \"t\"\n  reasoning \"u\"\n"));
	reads(SAID("\"refusal\":\"no\",\"audio\":{\"id\":\"au\"},\"extra_content\":{\"google\":"
		   "{"
		   "\"thought_signature\":\"weir~g~S\"}}"),
	      "assistant\n  text \"a\" signed=S@g\n  refusal \"no\"\n"
	      "  other (audio id) {\"id\":\"au\"}\nwith model=m\n");
}

static void what_is_wrong_is_named(void **state UNUSED)
{
	static const struct {
		const char *body, *code, *param;
	} rows[] = {
		{ "{", "invalid_json", "" },
		{ "[]", "invalid_json", "" },
		{ "{\"messages\":[" HELLO "]}", "missing_field", "model" },
		{ "{\"model\":\"\",\"messages\":[" HELLO "]}", "invalid_value", "model" },
		{ "{\"model\":1,\"messages\":[" HELLO "]}", "invalid_type", "model" },
		{ "{\"model\":\"m\"}", "missing_field", "messages" },
		{ "{\"model\":\"m\",\"messages\":[]}", "invalid_value", "messages" },
		{ "{\"model\":\"m\",\"messages\":{}}", "invalid_type", "messages" },
		{ "{\"model\":\"m\",\"model\":\"m\",\"messages\":[" HELLO "]}",
		  "duplicate_field", "model" },
		{ ASKS("1", ""), "invalid_type", "messages[0]" },
		{ ASKS("{}", ""), "missing_field", "messages[0].role" },
		{ ASKS("{\"role\":\"bot\"}", ""), "invalid_value", "messages[0].role" },
		{ ASKS("{\"role\":\"user\"}", ""), "missing_field", "messages[0].content" },
		{ ASKS("{\"role\":\"user\",\"content\":5}", ""), "invalid_type",
		  "messages[0].content" },
		{ ASKS(HELLO ",{\"role\":\"user\",\"content\":[{\"type\":\"text\"}]}", ""),
		  "missing_field", "messages[1].content[0].text" },
		{ ASKS("{\"role\":\"user\",\"content\":[{\"type\":\"image_url\",\"image_url\":"
		       "{\"url\":5}}]}",
		       ""),
		  "invalid_type", "messages[0].content[0].image_url.url" },
		{ ASKS("{\"role\":\"user\",\"content\":[{\"type\":\"image_url\",\"image_url\":"
		       "{\"url\":\"data:image/png,x\"}}]}",
		       ""),
		  "invalid_value", "messages[0].content[0].image_url.url" },
		{ ASKS("{\"role\":\"user\",\"content\":[{\"type\":\"input_audio\","
		       "\"input_audio\":{\"data\":\"a\\\"b\",\"format\":\"wav\"}}]}",
		       ""),
		  "invalid_value", "messages[0].content[0].input_audio.data" },
		{ ASKS("{\"role\":\"tool\",\"content\":\"x\"}", ""), "missing_field",
		  "messages[0].tool_call_id" },
		{ ASKS("{\"role\":\"assistant\",\"tool_calls\":[{\"id\":\"c\",\"function\":{"
		       "\"name\":\"f\",\"arguments\":{}}}]}",
		       ""),
		  "invalid_type", "messages[0].tool_calls[0].function.arguments" },
		{ ASKS("{\"role\":\"assistant\",\"tool_calls\":[{\"id\":\"c\",\"type\":"
		       "\"function\"}]}",
		       ""),
		  "missing_field", "messages[0].tool_calls[0].function" },
		{ ASKS(HELLO, ",\"n\":0"), "invalid_value", "n" },
		{ ASKS(HELLO, ",\"n\":129"), "invalid_value", "n" },
		{ ASKS(HELLO, ",\"temperature\":\"1\""), "invalid_type", "temperature" },
		{ ASKS(HELLO, ",\"max_tokens\":-1"), "invalid_value", "max_tokens" },
		{ ASKS(HELLO, ",\"max_completion_tokens\":1.5"), "invalid_value",
		  "max_completion_tokens" },
		{ ASKS(HELLO, ",\"stream\":1"), "invalid_type", "stream" },
		{ ASKS(HELLO, ",\"stream_options\":{\"include_usage\":1}"), "invalid_type",
		  "stream_options.include_usage" },
		{ ASKS(HELLO, ",\"stop\":[\"a\",1]"), "invalid_type", "stop[1]" },
		{ ASKS(HELLO, ",\"tools\":[{\"type\":\"function\"}]"), "missing_field",
		  "tools[0].function" },
		{ ASKS(HELLO, ",\"tools\":[{\"function\":{\"parameters\":{}}}]"),
		  "missing_field", "tools[0].function.name" },
		{ ASKS(HELLO, ",\"tool_choice\":\"any\""), "invalid_value", "tool_choice" },
		{ ASKS(HELLO, ",\"tool_choice\":{\"type\":\"function\"}"), "missing_field",
		  "tool_choice.function" },
		{ ASKS(HELLO, ",\"tool_choice\":{\"type\":\"allowed_tools\",\"allowed_tools\":{"
			      "\"mode\":\"x\"}}"),
		  "invalid_value", "tool_choice.allowed_tools.mode" },
		{ ASKS(HELLO, ",\"response_format\":{\"type\":\"xml\"}"), "invalid_value",
		  "response_format.type" },
		{ ASKS(HELLO, ",\"response_format\":{\"type\":\"json_schema\"}"),
		  "missing_field", "response_format.json_schema" },
		{ ASKS(HELLO, ",\"reasoning_effort\":\"hard\""), "invalid_value",
		  "reasoning_effort" },
		{ ASKS(HELLO, ",\"metadata\":{\"a\":1}"), "invalid_type", "metadata" },
		{ ASKS(HELLO, ",\"logit_bias\":[]"), "invalid_type", "logit_bias" },
	};

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct page p;

		page_open(&p);
		CHECK_RC(request_in(&p, rows[i].body), E_BAD);
		CHECK_STR(p.why.param, rows[i].param);
		CHECK_STR(p.why.code, rows[i].code);
		CHECK(p.why.text[0] != '\0');
		page_close(&p);
	}
}

/* ---- requests to providers -------------------------------------------------- */

/* Reads `body`, writes it for `t` as if it came from `from`, and gives the text. */
static void written(struct page *p, const char *body, const struct chat_target *t,
		    const struct dialect *from)
{
	struct json_out o;
	struct slice s;

	CHECK_RC(request_in(p, body), OK);
	p->r.dialect = from;
	out_init(&o, &p->a);
	CHECK_RC(dialect_openai.request_write(&p->r, t, &o, &p->lost, &p->why), OK);
	s = out_slice(&o);
	sb_str(&p->b, s);
	sb_cstr(&p->b);
}

static void writes(const char *body, const struct chat_target *t, const struct dialect *from,
		   const char *want, const char *lost)
{
	struct page p;
	char names[512];
	struct sb b;

	page_open(&p);
	written(&p, body, t, from);
	CHECK_STR(p.text, want);
	sb_init(&b, names, sizeof(names));
	for (size_t i = 0; i < p.lost.n; i++)
		sb_fmt(&b, "%s%s", i > 0 ? "|" : "", p.lost.v[i].name);
	CHECK_STR(sb_cstr(&b), lost);
	page_close(&p);
}

#define UP "{\"model\":\"up\",\"messages\":["

static const struct chat_target plain = { .model = LITC("up"), .provider = LITC("p") };

static void what_was_read_is_written_again(void **state UNUSED)
{
	/* In the writer's own order, so that it comes out as it went in. */
	static const char *const bodies[] = {
		UP HELLO "]}",
		UP
		"{\"role\":\"developer\",\"content\":\"d\"},{\"role\":\"user\",\"name\":\"n\","
		"\"content\":[{\"type\":\"text\",\"text\":\"a\",\"prompt_cache_breakpoint\":{"
		"\"mode\":\"explicit\"}},{\"type\":\"image_url\",\"image_url\":{\"url\":"
		"\"https://x\",\"detail\":\"low\"}},{\"type\":\"input_audio\","
		"\"input_audio\":{\"data\":\"AAAA\",\"format\":\"wav\"}},{\"type\":\"file\","
		"\"file\":{\"filename\":\"a.pdf\",\"file_data\":\"data:application/pdf;"
		"base64,JVBE\"}},{\"type\":\"file\",\"file\":{\"file_id\":\"f\"}},{\"type\":"
		"\"odd\",\"x\":1}]}]}",
		UP HELLO
		",{\"role\":\"assistant\",\"reasoning_content\":\"t\","
		"\"reasoning_details\":[{\"type\":\"reasoning.text\",\"text\":\"t\","
		"\"signature\":\"S\",\"index\":0}],\"content\":\"a\",\"tool_calls\":[{"
		"\"id\":\"c\",\"type\":\"function\",\"function\":{\"name\":\"f\","
		"\"arguments\":\"{\\\"a\\\":\\\"\\\\u00e9\\\"}\"}},{\"id\":\"d\",\"type\":"
		"\"custom\",\"custom\":{\"name\":\"h\",\"input\":\"x\"}}]},{\"role\":"
		"\"tool\",\"tool_call_id\":\"c\",\"content\":\"r\"}],"
		"\"tools\":[{\"type\":\"function\",\"function\":{\"name\":\"f\","
		"\"parameters\":{},\"strict\":true}},{\"type\":\"custom\",\"custom\":{"
		"\"name\":\"h\"}},{\"type\":\"web\"}],\"tool_choice\":{\"type\":\"custom\","
		"\"custom\":{\"name\":\"h\"}},\"parallel_tool_calls\":false}",
		UP HELLO
		"],\"stream\":true,\"stream_options\":{\"include_usage\":true},"
		"\"response_format\":{\"type\":\"json_schema\",\"json_schema\":{\"name\":"
		"\"n\",\"schema\":{\"type\":\"object\"},\"strict\":true}},"
		"\"reasoning_effort\":\"high\",\"max_completion_tokens\":9,"
		"\"temperature\":0.10,\"top_p\":0.5,\"top_k\":3,\"frequency_penalty\":1,"
		"\"presence_penalty\":2,\"seed\":7,\"n\":2,\"stop\":[\"a\"],"
		"\"logprobs\":true,\"top_logprobs\":2,\"modalities\":[\"text\",\"audio\"],"
		"\"audio\":{\"voice\":\"v\"},\"user\":\"u\",\"metadata\":{\"a\":\"b\"},"
		"\"prompt_cache_key\":\"k\",\"service_tier\":\"flex\",\"verbosity\":\"low\","
		"\"store\":true,\"logit_bias\":{},\"x\\u0079\":1}",
	};

	for (size_t i = 0; i < ARRAY_LEN(bodies); i++)
		writes(bodies[i], &plain, &dialect_openai, bodies[i], "");
}

static void foreign_requests_lose_what_only_openai_has_and_say_so(void **state UNUSED)
{
	writes(ASKS("{\"role\":\"developer\",\"content\":\"d\"},"
		    "{\"role\":\"user\",\"content\":[{\"type\":\"text\",\"text\":\"a\","
		    "\"cache_control\":{\"type\":\"ephemeral\"}},{\"type\":\"search\"}]},"
		    "{\"role\":\"assistant\",\"reasoning_content\":\"t\",\"content\":\"b\"}",
		    ",\"top_k\":3,\"safe\":1,\"tools\":[{\"type\":\"web\"}],\"tool_choice\":"
		    "\"required\""),
	       &plain, &dialect_anthropic,
	       UP
	       "{\"role\":\"system\",\"content\":\"d\"},{\"role\":\"user\",\"content\":\"a\"},"
	       "{\"role\":\"assistant\",\"content\":\"b\"}]}",
	       "cache_control|messages[1].content[1] (search)|reasoning|tools[0] (web)|"
	       "tool_choice|top_k|safe");
}

static void a_subset_of_tools_is_sent_as_such(void **state UNUSED)
{
#define TWO_TOOLS                                                                              \
	",\"tools\":[{\"type\":\"function\",\"function\":{\"name\":\"f\"}},{\"type\":"         \
	"\"function\",\"function\":{\"name\":\"g\"}}],\"tool_choice\":{\"type\":"              \
	"\"allowed_tools\",\"allowed_tools\":{\"mode\":\"required\",\"tools\":[{\"type\":"     \
	"\"function\",\"function\":{\"name\":\"g\"}}]}}"
	writes(ASKS(HELLO, TWO_TOOLS), &plain, &dialect_openai, UP HELLO "]" TWO_TOOLS "}", "");
	writes(ASKS(HELLO, TWO_TOOLS), &plain, &dialect_gemini,
	       UP HELLO "],\"tools\":[{\"type\":\"function\",\"function\":{\"name\":\"g\"}}],"
			"\"tool_choice\":\"required\"}",
	       "");
}

static void state_goes_to_its_issuer_only(void **state UNUSED)
{
	const struct chat_target other = { .model = LITC("up"), .provider = LITC("q") };
	const char *body = ASKS(
		"{\"role\":\"assistant\",\"reasoning_content\":\"t\",\"reasoning_details\":[{"
		"\"type\":\"reasoning.text\",\"text\":\"t\",\"signature\":\"weir~p~S\"},{"
		"\"type\":\"reasoning.encrypted\",\"data\":\"weir~p~E\"}],\"content\":\"a\","
		"\"tool_calls\":[{\"id\":\"c\",\"function\":{\"name\":\"f\",\"arguments\":\"\"}"
		","
		"\"extra_content\":{\"google\":{\"thought_signature\":\"weir~p~G\"}}}]}",
		"");

	writes(body, &plain, &dialect_gemini,
	       UP
	       "{\"role\":\"assistant\",\"reasoning_content\":\"t\",\"reasoning_details\":[{"
	       "\"type\":\"reasoning.text\",\"text\":\"t\",\"signature\":\"S\",\"index\":0},{"
	       "\"type\":\"reasoning.encrypted\",\"data\":\"E\",\"index\":1}],"
	       "\"content\":\"a\",\"tool_calls\":[{\"id\":\"c\",\"type\":\"function\","
	       "\"function\":{\"name\":\"f\",\"arguments\":\"{}\"},\"extra_content\":{"
	       "\"google\":{\"thought_signature\":\"G\"}}}]}]}",
	       "");
	writes(body, &other, &dialect_openai,
	       UP
	       "{\"role\":\"assistant\",\"content\":\"a\",\"tool_calls\":[{\"id\":\"c\","
	       "\"type\":\"function\",\"function\":{\"name\":\"f\",\"arguments\":\"{}\"}}]}]}",
	       "reasoning");
}

static void tool_results_that_are_no_text_are_still_said(void **state UNUSED)
{
	struct page p;
	struct chat_message *m;
	struct chat_part *part;
	struct json_out o;

	page_open(&p);
	p.r.dialect = &dialect_anthropic;
	for (int i = 0; i < 2; i++) {
		m = chat_message_add(&p.r, &p.a, ROLE_TOOL);
		part = chat_part_add(m, &p.a, PART_TOOL_RESULT);
		part->u.result.call_id = i == 0 ? JTEXT("a") : JTEXT("b");
		part->u.result.is_error = i == 0;
		chat_part_append(&part->u.result.parts, &p.a, PART_TEXT)->u.text = JTEXT("x");
		part = chat_part_append(&part->u.result.parts, &p.a,
					i == 0 ? PART_IMAGE : PART_OTHER);
		if (i == 0) {
			part->u.media.mime = LIT("image/png");
			part->u.media.data = LIT("iVBO");
		} else {
			part->u.other.what = "json";
			part->u.other.raw = LIT("{\"k\":1}");
		}
	}
	out_init(&o, &p.a);
	CHECK_RC(dialect_openai.request_write(&p.r, &plain, &o, &p.lost, &p.why), OK);
	CHECK_SLICE(out_slice(&o), UP
		    "{\"role\":\"tool\",\"tool_call_id\":\"a\",\"content\":\"Error: x\"},"
		    "{\"role\":\"tool\",\"tool_call_id\":\"b\",\"content\":[{\"type\":\"text\","
		    "\"text\":\"x\"},{\"type\":\"text\",\"text\":\"{\\\"k\\\":1}\"}]},"
		    "{\"role\":\"user\",\"content\":[{\"type\":\"text\",\"text\":\"Of the "
		    "result of tool call a:\"},{\"type\":\"image_url\",\"image_url\":{\"url\":"
		    "\"data:image/png;base64,iVBO\"}}]}]}");
	CHECK_INT(p.lost.n, 0);
	page_close(&p);
}

static void quirks_are_obeyed(void **state UNUSED)
{
	static const struct slice drop[] = { LITC("seed"), LITC("x_new") };
	static const struct {
		const char *members;
		unsigned quirks;
		const char *want, *lost;
	} rows[] = {
		{ ",\"max_completion_tokens\":5", QUIRK_MAX_TOKENS, ",\"max_tokens\":5", "" },
		{ ",\"stream\":true", QUIRK_NO_STREAM_OPTIONS, ",\"stream\":true", "" },
		{ ",\"seed\":1", QUIRK_RANDOM_SEED, ",\"random_seed\":1", "" },
		{ ",\"seed\":1,\"x_new\":2", 0, "", "seed|x_new" },
		{ ",\"n\":2", QUIRK_ONE_ANSWER, "", "n" },
		{ ",\"n\":1", QUIRK_ONE_ANSWER, "", "" },
		{ ",\"temperature\":1.5", QUIRK_TEMPERATURE_1, ",\"temperature\":1",
		  "temperature" },
		{ ",\"temperature\":1.7", QUIRK_TEMPERATURE_1_5, ",\"temperature\":1.5",
		  "temperature" },
		{ ",\"temperature\":0.5", QUIRK_TEMPERATURE_1, ",\"temperature\":0.5", "" },
		{ ",\"logprobs\":true,\"top_logprobs\":3", QUIRK_INT_LOGPROBS,
		  ",\"logprobs\":3", "" },
		{ ",\"tools\":[{\"type\":\"web\"}],\"tool_choice\":\"required\"",
		  QUIRK_CHOICE_ANY, ",\"tools\":[{\"type\":\"web\"}],\"tool_choice\":\"any\"",
		  "" },
		{ ",\"tools\":[{\"type\":\"web\"}],\"tool_choice\":\"required\"",
		  QUIRK_CHOICE_AUTO, ",\"tools\":[{\"type\":\"web\"}]", "tool_choice" },
		{ ",\"tools\":[{\"type\":\"web\"}],\"tool_choice\":\"auto\"",
		  QUIRK_CHOICE_OPTION,
		  ",\"tools\":[{\"type\":\"web\"}],\"tool_choice_option\":\"auto\"", "" },
		{ ",\"response_format\":{\"type\":\"text\"}", QUIRK_NO_TEXT_FORMAT, "", "" },
		{ ",\"response_format\":{\"type\":\"json_schema\",\"json_schema\":{\"name\":"
		  "\"n\",\"schema\":{\"additionalProperties\":false,\"properties\":{"
		  "\"additionalProperties\":{\"type\":\"null\"}}},\"strict\":true}}",
		  QUIRK_NO_ADDITIONAL | QUIRK_NO_STRICT,
		  ",\"response_format\":{\"type\":\"json_schema\",\"json_schema\":{\"name\":"
		  "\"n\",\"schema\":{\"properties\":{\"additionalProperties\":{\"type\":"
		  "\"null\"}}}}}",
		  "additionalProperties|strict" },
		{ ",\"response_format\":{\"type\":\"json_schema\",\"json_schema\":{\"name\":"
		  "\"n\",\"schema\":{}}}",
		  QUIRK_BARE_SCHEMA,
		  ",\"response_format\":{\"type\":\"json_schema\",\"json_schema\":{\"schema\":{"
		  "}"
		  "}}",
		  "" },
		{ ",\"response_format\":{\"type\":\"json_schema\",\"json_schema\":{\"name\":"
		  "\"n\",\"schema\":{}}}",
		  QUIRK_NO_JSON_SCHEMA, ",\"response_format\":{\"type\":\"json_object\"}",
		  "response_format.json_schema" },
	};
	char want[512];
	struct sb b;

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		const struct chat_target t = { .model = LITC("up"),
					       .quirks = rows[i].quirks,
					       .drop_params = drop,
					       .drop_param_n = rows[i].quirks == 0 ? 2 : 0 };
		char body[512];

		sb_init(&b, body, sizeof(body));
		sb_fmt(&b, "{\"model\":\"m\",\"messages\":[" HELLO "]%s}", rows[i].members);
		sb_cstr(&b);
		sb_init(&b, want, sizeof(want));
		sb_fmt(&b, UP HELLO "]%s}", rows[i].want);
		writes(body, &t, &dialect_openai, sb_cstr(&b), rows[i].lost);
	}
}

static void quirks_of_messages_are_obeyed(void **state UNUSED)
{
	const struct chat_target t = {
		.model = LITC("up"),
		.quirks = QUIRK_STRING_CONTENT | QUIRK_ALTERNATE | QUIRK_NO_NAMES |
			  QUIRK_SHORT_IDS | QUIRK_REASONING_TURNS | QUIRK_MODEL_ID,
	};

	writes(ASKS("{\"role\":\"user\",\"name\":\"n\",\"content\":[{\"type\":\"text\","
		    "\"text\":"
		    "\"a\"},{\"type\":\"text\",\"text\":\"b\"}]},{\"role\":\"user\","
		    "\"content\":\"c\"},{\"role\":\"assistant\",\"content\":\"d\"},{\"role\":"
		    "\"assistant\",\"reasoning\":\"t\",\"tool_calls\":[{\"id\":\"abcdefgh9\","
		    "\"function\":{\"name\":\"f\"}}]}",
		    ""),
	       &t, &dialect_anthropic,
	       "{\"model_id\":\"up\",\"messages\":[{\"role\":\"user\",\"content\":\"a\\n\\nb\\n"
	       "\\nc\"},{\"role\":\"assistant\",\"reasoning_content\":\"\",\"content\":\"d\"},{"
	       "\"role\":\"assistant\",\"reasoning_content\":\"t\",\"content\":null,"
	       "\"tool_calls\":[{\"id\":\"abcdefgh9\",\"type\":\"function\",\"function\":{"
	       "\"name\":\"f\",\"arguments\":\"{}\"}}]}]}",
	       "messages.name");
}

static void media_by_url_are_refused_where_only_bytes_are_taken(void **state UNUSED)
{
	const struct chat_target t = { .model = LITC("up"), .quirks = QUIRK_INLINE_MEDIA };
	struct json_out o;
	struct page p;

	page_open(&p);
	CHECK_RC(request_in(&p, ASKS("{\"role\":\"user\",\"content\":[{\"type\":\"image_url\","
				     "\"image_url\":\"http://x\"}]}",
				     "")),
		 OK);
	out_init(&o, &p.a);
	CHECK_RC(dialect_openai.request_write(&p.r, &t, &o, &p.lost, &p.why), E_BAD);
	CHECK_STR(p.why.code, "unsupported_value");
	page_close(&p);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_plain_request_is_read),
		cmocka_unit_test(every_parameter_finds_its_place),
		cmocka_unit_test(a_schema_that_is_not_there_is_any_json),
		cmocka_unit_test(all_parts_are_read),
		cmocka_unit_test(a_round_of_tools_is_read),
		cmocka_unit_test(deprecated_functions_are_tools),
		cmocka_unit_test(reasoning_is_read_back_in_all_its_forms),
		cmocka_unit_test(what_is_wrong_is_named),
		cmocka_unit_test(what_was_read_is_written_again),
		cmocka_unit_test(foreign_requests_lose_what_only_openai_has_and_say_so),
		cmocka_unit_test(a_subset_of_tools_is_sent_as_such),
		cmocka_unit_test(state_goes_to_its_issuer_only),
		cmocka_unit_test(tool_results_that_are_no_text_are_still_said),
		cmocka_unit_test(quirks_are_obeyed),
		cmocka_unit_test(quirks_of_messages_are_obeyed),
		cmocka_unit_test(media_by_url_are_refused_where_only_bytes_are_taken),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
