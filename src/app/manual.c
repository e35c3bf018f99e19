#include "app/manual.h"

#include "app/command.h"
#include "app/options.h"
#include "catalogue/providers.h"
#include "mock/mock.h"

/* Of the last change that a reader would notice. */
#define MANUAL_DATE "2026-11-20"

/* ---- roff ------------------------------------------------------------------------------ */

/* Text of ours as roff text: no byte of it is a command. */
static void text(FILE *to, const char *s)
{
	bool line_start = true;

	for (; *s != '\0'; s++) {
		if (line_start && (*s == '.' || *s == '\''))
			fputs("\\&", to);
		line_start = *s == '\n';
		if (*s == '\\')
			fputs("\\e", to);
		else if (*s == '-')
			fputs("\\-", to);
		else
			fputc(*s, to);
	}
}

static void line(FILE *to, const char *s)
{
	text(to, s);
	fputc('\n', to);
}

static void title(FILE *to, const char *name, int section, const char *what)
{
	fprintf(to, ".TH %s %d %s \"weir %s\"\n", name, section, MANUAL_DATE, WEIR_VERSION);
	fputs(".SH NAME\n", to);
	text(to, name);
	fputs(" \\- ", to);
	line(to, what);
}

/* ---- weir(1) ------------------------------------------------------------------------------
 */

static void option_item(FILE *to, const char *name, const char *hint, const char *help)
{
	fputs(".TP\n\\fB\\-\\-", to);
	text(to, name);
	fputs("\\fR", to);
	if (hint != NULL) {
		fputs(" \\fI", to);
		text(to, hint);
		fputs("\\fR", to);
	}
	fputc('\n', to);
	line(to, help);
}

static void command_section(FILE *to, const struct command *c)
{
	const struct mock_option_row *rows;
	size_t n;

	fprintf(to, ".SS weir %s %s\n", c->name, c->operands);
	text(to, c->summary);
	fputs(".\n", to);
	if (c->doc[0] != '\0') {
		fputs(".PP\n", to);
		line(to, c->doc);
	}
	for (size_t i = 0; i < c->option_n; i++)
		option_item(to, c->options[i].name, c->options[i].hint, c->options[i].help);
	rows = mock_option_rows(&n);
	for (size_t i = 0; c->mock_options && i < n; i++)
		option_item(to, rows[i].name, rows[i].hint, rows[i].help);
	if (!c->mock_options)
		return;
	rows = mock_fail_rows(&n);
	fputs(".PP\nFaults, for \\fB\\-\\-fail\\fR:\n", to);
	for (size_t i = 0; i < n; i++) {
		fputs(".TP\n.B ", to);
		line(to, rows[i].name);
		line(to, rows[i].help);
	}
	fputs(".PP\nProviders, for \\fB\\-\\-as\\fR:\n", to);
	for (size_t i = 0; mock_as_name(i) != NULL; i++)
		line(to, mock_as_name(i));
}

void manual_weir(FILE *to)
{
	title(to, "weir", 1, "one endpoint in front of every language model");
	fputs(".SH SYNOPSIS\n", to);
	for (size_t i = 0; i < command_n; i++) {
		const struct command *c = &commands[i];

		fprintf(to, "%s.B weir %s\n", i == 0 ? "" : ".br\n", c->name);
		if (c->option_n > 0 || c->operands[0] != '\0')
			fprintf(to, "%s%s\n", c->option_n > 0 ? "[OPTION...] " : "",
				c->operands);
	}
	fputs(".SH DESCRIPTION\n", to);
	line(to, "weir is a gateway: applications talk to it in the API they already use, with "
		 "one base URL and one key, and it forwards to the providers and model servers "
		 "of its config, fails over between them, and shows what it did.");
	fputs(".SH COMMANDS\n", to);
	for (size_t i = 0; i < command_n; i++)
		command_section(to, &commands[i]);
	fputs(".SH EXIT STATUS\n.TP\n.B 0\nIt went well, or was stopped gracefully.\n"
	      ".TP\n.B 1\nIt failed.\n.TP\n.B 2\nThe command line was not understood.\n",
	      to);
	fputs(".SH ENVIRONMENT\n", to);
	line(to, "Keys of known providers are taken from their usual variables; weir.yaml(5) "
		 "lists them. HTTPS_PROXY, http_proxy and NO_PROXY name the proxy; "
		 "SSL_CERT_FILE and SSL_CERT_DIR the authorities.");
	fputs(".SH SEE ALSO\n.BR weir.yaml (5)\n", to);
}

/* ---- weir.yaml(5) ---------------------------------------------------------------------------
 */

static const char *type_name(enum option_type type)
{
	switch (type) {
	case OPT_BOOL:
		return "true or false";
	case OPT_INT:
		return "number";
	case OPT_DURATION:
		return "duration";
	case OPT_SIZE:
		return "size";
	case OPT_MONEY:
		return "USD";
	case OPT_SHARE:
		return "share";
	case OPT_DATE:
		return "date";
	case OPT_YES_NO:
		return "true or false";
	case OPT_WORD:
		return "word";
	case OPT_TEXT:
	case OPT_SECRET:
		return "text";
	case OPT_TEXTS:
		return "list of texts";
	case OPT_PAIRS:
		return "map of texts";
	case OPT_SECTION:
		return "section";
	case OPT_LIST:
		return "list";
	case OPT_NAMED:
		return "map of names";
	}
	return "";
}

/* "number, 0 to 256, 0 by default" */
static void print_kind(struct sb *out, const struct option *o)
{
	sb_lit(out, type_name(o->type));
	if (o->type == OPT_INT || o->type == OPT_DURATION || o->type == OPT_SIZE ||
	    o->type == OPT_SHARE) {
		sb_lit(out, ", ");
		option_print(out, o, o->min);
		sb_lit(out, " to ");
		option_print(out, o, o->max);
	}
	for (size_t i = 0; o->words != NULL && o->words[i] != NULL; i++)
		sb_fmt(out, "%s%s", i == 0 ? ": " : ", ", o->words[i]);
	if (o->dflt != NULL)
		sb_fmt(out, "; %s by default", o->dflt);
}

static void option_paragraph(FILE *to, const struct option *o)
{
	char room[256];
	struct sb kind;

	sb_init(&kind, room, sizeof(room));
	print_kind(&kind, o);
	fputs(".TP\n.B ", to);
	line(to, o->name);
	fputs(".I ", to);
	line(to, sb_cstr(&kind));
	fputs(".br\n", to);
	line(to, o->doc);
}

/* The section of `t`, then those inside it; `path` leads to it. */
static void table_sections(FILE *to, const struct option_table *t, const char *path)
{
	fputs(".SS ", to);
	line(to, path[0] != '\0' ? path : "The file");
	if (t->doc != NULL)
		line(to, t->doc);
	for (size_t i = 0; i < t->n; i++)
		option_paragraph(to, &t->rows[i]);
	for (size_t i = 0; i < t->n; i++) {
		const struct option *o = &t->rows[i];
		char inner[128];

		if (o->of == NULL)
			continue;
		snprintf(inner, sizeof(inner), "%s%s%s%s", path, path[0] != '\0' ? "." : "",
			 o->name,
			 o->type == OPT_LIST    ? "[]"
			 : o->type == OPT_NAMED ? ".NAME"
						: "");
		table_sections(to, o->of, inner);
	}
}

static void quirks(FILE *to)
{
	fputs(".SH QUIRKS\n", to);
	line(to, "What a provider's form of OpenAI's requests may differ in.");
	for (size_t i = 0; i < provider_quirk_n; i++) {
		fputs(".TP\n.B ", to);
		line(to, provider_quirk_names[i].name);
		line(to, provider_quirk_names[i].help);
	}
}

/* "anthropic; also openai" */
static void spoken(FILE *to, const struct provider_known *p)
{
	struct provider_way way;

	fputs("; speaks ", to);
	fputs(provider_dialects[p->dialect].name, to);
	for (unsigned i = 0; i < DIALECTS; i++)
		if (i != p->dialect && provider_speaks(p, i, &way))
			fprintf(to, ", %s", provider_dialects[i].name);
}

static void known_providers(FILE *to)
{
	fputs(".SH KNOWN PROVIDERS\n", to);
	line(to, "Name, title, the environment variable of the key, dialects, and base URL.");
	for (size_t i = 0; i < provider_known_n; i++) {
		const struct provider_known *p = &providers_known[i];

		fputs(".TP\n.B ", to);
		line(to, p->name);
		text(to, p->title);
		fputs(", ", to);
		text(to, p->key_env);
		if (p->key_env_too != NULL) {
			fputs(" or ", to);
			text(to, p->key_env_too);
		}
		if (p->local)
			fputs(" (needed only when the server asks for one)", to);
		spoken(to, p);
		fputs("\n.br\n", to);
		line(to, p->base_url != NULL ? p->base_url : p->base_hint);
	}
}

void manual_weir_yaml(FILE *to)
{
	title(to, "weir.yaml", 5, "configuration of weir");
	fputs(".SH DESCRIPTION\n", to);
	line(to,
	     "One YAML file, at most 4 MiB, without anchors, aliases and tags. \"weir check\" "
	     "says what is wrong with it; \"weir check --sample\" prints one with every "
	     "option. On SIGHUP it is read again; listen, workers and log take effect at a "
	     "restart only.");
	fputs(".PP\n", to);
	line(to,
	     "In values, ${NAME} stands for an environment variable and ${NAME:-default} for "
	     "one that may be unset or empty; $${ is the characters themselves. They are "
	     "replaced after the YAML was read, so a value never changes the file's shape.");
	fputs(".PP\n", to);
	line(to,
	     "Durations are written 500us, 20ms, 5s, 2m, 1h or 1h30m, and sizes 64KiB, 8MiB, "
	     "1GiB, 1MB or a number of bytes; shares 10%, 2.5% or 0.1. An option without a "
	     "value is as if it were not "
	     "there.");
	fputs(".SH OPTIONS\n", to);
	table_sections(to, &options_root, "");
	fputs(".SH CATALOGUE\n", to);
	line(to, "The file that the option catalogue names is a list, in YAML or JSON, of rows "
		 "as \"weir models --json\" prints them. A row changes what is known of the "
		 "model of its provider and id, or adds one; what it does not name stays. Who "
		 "gives a price does without the shipped announcements of later ones. An alias "
		 "stands for the row that has it now, and a row of this file has it before "
		 "others.");
	table_sections(to, &options_model_row, "ROW");
	quirks(to);
	known_providers(to);
	fputs(".SH EXAMPLE\n.nf\n", to);
	line(to, "providers:\n  openai: {}\n  groq: {}\nmodels:\n  fast:\n    deployments:\n"
		 "      - groq/llama-3.3-70b-versatile\n      - openai/gpt-4o-mini\nkeys:\n"
		 "  - {name: app, key: ${APP_KEY}, models: [fast]}");
	fputs(".fi\n.SH SEE ALSO\n.BR weir (1)\n", to);
}

/* ---- the sample ---------------------------------------------------------------------------
 */

enum { SAMPLE_WIDTH = 96 };

/* A sentence as comment lines. */
static void comment(FILE *to, int indent, const char *s)
{
	int column = fprintf(to, "%*s#", indent, "");

	while (*s != '\0') {
		int n = (int)strcspn(s, " ");

		if (column + 1 + n > SAMPLE_WIDTH) {
			fputc('\n', to);
			column = fprintf(to, "%*s#", indent, "");
		}
		column += fprintf(to, " %.*s", n, s);
		s += n;
		s += strspn(s, " ");
	}
	fputc('\n', to);
}

static void sample_table(FILE *to, const struct option_table *t, int indent, bool element);

static void sample_option(FILE *to, const struct option *o, int indent, const char *lead)
{
	int at = lead[0] != '\0' ? indent - 2 : indent;
	char room[128];
	struct sb kind;

	sb_init(&kind, room, sizeof(room));
	comment(to, at, o->doc);
	fprintf(to, "%*s#%s%s:", at, "", lead, o->name);
	if (o->of != NULL) {
		fputc('\n', to);
		sample_table(to, o->of, indent + 2, o->type == OPT_LIST);
		return;
	}
	if (o->sample != NULL || o->dflt != NULL)
		fprintf(to, " %s", o->sample != NULL ? o->sample : o->dflt);
	for (size_t i = 0; o->words != NULL && o->words[i] != NULL; i++)
		sb_fmt(&kind, "%s%s", i == 0 ? "" : ", ", o->words[i]);
	if (kind.n > 0)
		fprintf(to, "  # %s", sb_cstr(&kind));
	fputc('\n', to);
}

/* `element`: one of a list, so that its first option follows "- ". */
static void sample_table(FILE *to, const struct option_table *t, int indent, bool element)
{
	for (size_t i = 0; i < t->n; i++)
		sample_option(to, &t->rows[i], element ? indent + 2 : indent,
			      element && i == 0 ? "- " : "");
}

/* `live`: what stands there uncommented; NULL: nothing. */
static void sample_named(FILE *to, const struct option *o, const char *live, const char *name)
{
	comment(to, 0, o->doc);
	fprintf(to, "%s%s:\n", live == NULL ? "#" : "", o->name);
	comment(to, 2, o->of->doc);
	if (live != NULL)
		fprintf(to, "  %s\n", live);
	fprintf(to, "  #%s:\n", name);
	sample_table(to, o->of, 4, false);
}

void manual_sample(FILE *to)
{
	comment(to, 0,
		"Every option of weir, with its default or an example. What is commented out "
		"may "
		"be left out. See weir.yaml(5); check with \"weir check FILE\".");
	for (size_t i = 0; i < options_root.n; i++) {
		const struct option *o = &options_root.rows[i];

		fputc('\n', to);
		if (strcmp(o->name, "providers") == 0)
			sample_named(to, o, "openai: {api_key: \"${OPENAI_API_KEY:-none}\"}",
				     "my-vllm");
		else if (strcmp(o->name, "models") == 0)
			sample_named(to, o, "gpt-4o-mini: openai/gpt-4o-mini", "fast");
		else if (strcmp(o->name, "routes") == 0)
			sample_named(to, o, NULL, "smart");
		else
			sample_option(to, o, 0, "");
	}
}
