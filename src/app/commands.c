/* The table of commands. */
#include "app/command.h"

#include "app/cmd_mock.h"
#include "app/manual.h"

static const struct command_option serve_options[] = {
	{ "config", "FILE", "the config file; without it, see below" },
	{ "listen", "ADDRESS", "listen here instead of where the config says" },
	{ "workers", "N", "so many threads instead of what the config says" },
	{ "log-level", "LEVEL", "debug, info, warn or error" },
	{ "mock", NULL, "also start a simulated provider inside, with the model \"mock\"" },
};

static const struct command_option check_options[] = {
	{ "config", "FILE", "the config file (the same as FILE)" },
	{ "sample", NULL, "print a commented config file with every option" },
};

static const struct command_option models_options[] = {
	{ "provider", "NAME", "of this provider" },
	{ "tier", "TIER", "mini, standard, flagship, reasoning or preview" },
	{ "family", "NAME", "of this family, such as claude" },
	{ "kind", "KIND", "chat, embedding, image, rerank ..." },
	{ "supports", "LIST",
	  "that can do all of these: tools, parallel_tools, json_schema, reasoning, "
	  "prompt_cache, streaming, logprobs, vision, audio, video, documents, image_output, "
	  "audio_output" },
	{ "max-price", "USD", "with no token dearer than this, per million" },
	{ "min-context", "TOKENS", "that take so long a prompt: 128k, 1M" },
	{ "search", "TEXT", "with this in one of their names" },
	{ "retired", NULL, "those that are no more, and what to take instead" },
	{ "sort", "KEY",
	  "by name, by context (largest first), or by price (cheapest first; three parts of "
	  "input to one of output)" },
	{ "json", NULL, "as JSON, in the format that the option catalogue takes" },
	{ "config", "FILE", "with the rows of this config file's catalogue" },
	{ "served", NULL, "instead: the models that would be served, and where they run" },
};

static const struct command_option explain_options[] = {
	{ "url", "URL", "of the gateway that runs; http://127.0.0.1:8080 by default" },
	{ "key", "KEY", "a key of it with `admin`; WEIR_API_KEY by default" },
	{ "json", NULL, "as JSON" },
};

static const struct command_option route_options[] = {
	{ "dry-run", NULL, "say where it would go, and send nothing" },
	{ "config", "FILE",
	  "by this config file, as if nothing was known of anybody's health" },
	{ "dialect", "NAME", "openai, responses, anthropic, gemini, bedrock or cohere" },
	{ "url", "URL", "by a gateway that runs, and what it knows now" },
	{ "key", "KEY", "a key of it with `admin`; WEIR_API_KEY by default" },
	{ "json", NULL, "as JSON" },
};

static const struct command_option mock_command_options[] = {
	{ "listen", "ADDRESS", "listen here; may be repeated; 127.0.0.1:8090 by default" },
	{ "tls-listen", "ADDRESS", "listen here with TLS; may be repeated" },
	{ "tls-cert", "FILE", "PEM file of the certificate chain for it" },
	{ "tls-key", "FILE", "PEM file of its private key" },
};

static int run_version(const struct invocation *in UNUSED)
{
	printf("weir %s\n", WEIR_VERSION);
	return EXIT_OK;
}

static int run_help(const struct invocation *in)
{
	const struct command *c = NULL;

	if (in->operand_n > 0) {
		c = command_find(in->operands[0]);
		if (c == NULL) {
			fprintf(stderr, "weir help: no command \"%.*s\"\n",
				SARG(in->operands[0]));
			return EXIT_USAGE;
		}
	}
	command_help(stdout, c);
	return EXIT_OK;
}

static int run_man(const struct invocation *in)
{
	struct slice page = in->operand_n > 0 ? in->operands[0] : LIT("weir");

	if (slice_eq(page, LIT("weir"))) {
		manual_weir(stdout);
	} else if (slice_eq(page, LIT("weir.yaml"))) {
		manual_weir_yaml(stdout);
	} else {
		fprintf(stderr, "weir man: no page \"%.*s\"; there are weir and weir.yaml\n",
			SARG(page));
		return EXIT_USAGE;
	}
	return EXIT_OK;
}

const struct command commands[] = {
	{ .name = "serve",
	  .operands = "",
	  .summary = "run the gateway",
	  .doc = "Without --config the first of ./weir.yaml, $XDG_CONFIG_HOME/weir/weir.yaml "
		 "(or "
		 "~/.config/weir/weir.yaml) and /etc/weir/weir.yaml is taken. When there is "
		 "none, providers whose key is in the environment and model servers on their "
		 "usual ports of this machine are found and used. SIGHUP reads the config "
		 "again without dropping a request; when it is wrong, the old one stays. "
		 "SIGTERM and SIGINT stop gracefully: requests in hand are finished, for at "
		 "most "
		 "timeouts.drain; a second one stops at once.",
	  .options = serve_options,
	  .option_n = ARRAY_LEN(serve_options),
	  .run = run_serve },
	{ .name = "check",
	  .operands = "[FILE]",
	  .summary = "say what is wrong with a config file, or what it would serve",
	  .doc = "Every mistake is printed as FILE:LINE:COLUMN with what to do about it, and "
		 "the "
		 "exit status is 1.",
	  .options = check_options,
	  .option_n = ARRAY_LEN(check_options),
	  .operand_max = 1,
	  .run = run_check },
	{ .name = "models",
	  .operands = "[show NAME | compare NAME NAME...]",
	  .summary = "list, show and compare the models there are, with limits and prices",
	  .doc = "NAME is a model's id or another name of it, PROVIDER/NAME where several "
		 "providers have it. Prices are in USD per million tokens, as of today. With "
		 "--served only --config counts: it says what a config serves; without a "
		 "config file the providers found are asked for their models.",
	  .options = models_options,
	  .option_n = ARRAY_LEN(models_options),
	  .operand_max = OPERANDS_MAX,
	  .run = run_models },
	{ .name = "explain",
	  .operands = "[ID]",
	  .summary = "say why a request went where it did",
	  .doc = "ID is what the answer's X-Request-Id says. Every candidate is shown with its "
		 "place in the plan or the rule that kept it out, and every attempt with how "
		 "it "
		 "ended, how long it took and what it cost. Without an ID the last exchanges "
		 "are "
		 "listed. The last 256 of each worker are kept, in memory.",
	  .options = explain_options,
	  .option_n = ARRAY_LEN(explain_options),
	  .operand_max = 1,
	  .run = run_explain },
	{ .name = "route",
	  .operands = "--dry-run FILE",
	  .summary = "say where a request would go, without sending it",
	  .doc = "FILE holds the request's body, as a client would send it. Without --url the "
		 "config file is found as `weir serve` finds it.",
	  .options = route_options,
	  .option_n = ARRAY_LEN(route_options),
	  .operand_max = 1,
	  .run = run_route },
	{ .name = "mock",
	  .operands = "",
	  .summary = "run a simulated provider that misbehaves on demand",
	  .doc = "It answers in the dialect that the path says, with made-up text, as slow, "
		 "long "
		 "and broken as the options say. The options can also be given for one "
		 "request: in "
		 "its model's name (\"mock?ttft=200ms&fail=stall\"), or in what the user says "
		 "last "
		 "(\"mock: tools=2 finish=length\").",
	  .options = mock_command_options,
	  .option_n = ARRAY_LEN(mock_command_options),
	  .mock_options = true,
	  .run_raw = cmd_mock },
	{ .name = "man",
	  .operands = "[PAGE]",
	  .summary = "print a manual page, weir or weir.yaml, for man -l -",
	  .doc = "",
	  .operand_max = 1,
	  .run = run_man },
	{ .name = "version",
	  .operands = "",
	  .summary = "print the version",
	  .doc = "",
	  .run = run_version },
	{ .name = "help",
	  .operands = "[COMMAND]",
	  .summary = "print this list, or a command's options",
	  .doc = "",
	  .operand_max = 1,
	  .run = run_help },
};
const size_t command_n = ARRAY_LEN(commands);
