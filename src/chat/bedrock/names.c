/* Names and ids in the characters that AWS takes (API reference: ToolUseBlock, DocumentBlock).
 */
#include "base/hash.h"
#include "base/sb.h"
#include "chat/bedrock/writing.h"

enum {
	ID_MAX = 64,
	ID_KEEP = ID_MAX - 17, /* before a dash and a hash */
	MISTRAL_ID_N = 9,      /* exactly, of letters and digits */
	DOCUMENT_NAME_MAX = 200,
	DOCUMENT_NAMES_SOUGHT = 64, /* over so many, numbers alone keep names apart */
};

static bool is_alnum(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
}

static bool id_char(char c)
{
	return is_alnum(c) || c == '_' || c == '.' || c == ':' || c == '-';
}

static bool all_alnum(struct slice s)
{
	for (size_t i = 0; i < s.n; i++)
		if (!is_alnum(s.p[i]))
			return false;
	return true;
}

static bool id_ok(struct slice s)
{
	for (size_t i = 0; i < s.n; i++)
		if (!id_char(s.p[i]))
			return false;
	return s.n > 0 && s.n <= ID_MAX;
}

/* "call/1?" -> "call_1_-0123456789abcdef" */
static void id_made_out(struct json_out *o, struct slice id)
{
	char text[ID_MAX];
	struct sb b;

	sb_init(&b, text, sizeof(text));
	for (size_t i = 0; i < size_min(id.n, ID_KEEP); i++)
		sb_char(&b, id_char(id.p[i]) ? id.p[i] : '_');
	sb_char(&b, '-');
	sb_hex(&b, hash_bytes(id, 0), 16);
	out_str(o, sb_slice(&b));
}

static void id_mistral_out(struct json_out *o, struct slice id)
{
	uint64_t hash = hash_bytes(id, 0);
	char text[MISTRAL_ID_N];

	for (size_t i = 0; i < sizeof(text); i++, hash /= 36)
		text[i] = "0123456789abcdefghijklmnopqrstuvwxyz"[hash % 36];
	out_str(o, slice_of(text, sizeof(text)));
}

void bedrock_id_out(struct json_out *o, struct json_text id, bool mistral)
{
	const struct slice plain = json_text_plain(id, o->a);

	if (mistral && (plain.n != MISTRAL_ID_N || !all_alnum(plain)))
		id_mistral_out(o, plain);
	else if (id_ok(plain))
		out_text(o, id);
	else
		id_made_out(o, plain);
}

/* ---- documents ------------------------------------------------------------------------- */

static bool taken_is(const struct chat_name *n, struct slice name)
{
	for (size_t i = 0; n != NULL && i < DOCUMENT_NAMES_SOUGHT; n = n->next, i++)
		if (slice_eq(n->name.s, name))
			return true;
	return false;
}

/* Other characters become blanks, of which there may be one at a time. */
static void name_put(struct sb *b, struct slice plain)
{
	for (size_t i = 0; i < plain.n; i++) {
		const char c = plain.p[i];

		if (is_alnum(c) || (c != '\0' && strchr("-()[]", c) != NULL))
			sb_char(b, c);
		else if (b->n > 0 && b->p[b->n - 1] != ' ')
			sb_char(b, ' ');
	}
	while (b->n > 0 && b->p[b->n - 1] == ' ')
		b->n--;
}

struct json_text bedrock_document_name(struct json_text name, size_t number,
				       struct chat_name **taken, struct arena *a)
{
	const struct json_text none = { { NULL, 0 } };
	char *text = arena_bytes(a, DOCUMENT_NAME_MAX);
	struct chat_name *entry = ARENA_NEW(a, struct chat_name);
	struct slice plain = json_text_plain(name, a);
	struct sb b;

	if (text == NULL || entry == NULL)
		return none;
	sb_init(&b, text, DOCUMENT_NAME_MAX - 24);
	name_put(&b, plain);
	b.cap = DOCUMENT_NAME_MAX;
	if (b.n == 0) {
		sb_lit(&b, "Document ");
		sb_u64(&b, number);
	} else if (taken_is(*taken, sb_slice(&b)) || number > DOCUMENT_NAMES_SOUGHT) {
		sb_lit(&b, " ("); /* the number is no other document's */
		sb_u64(&b, number);
		sb_char(&b, ')');
	}
	entry->name = (struct json_text){ sb_slice(&b) };
	entry->next = *taken;
	*taken = entry;
	return entry->name;
}
