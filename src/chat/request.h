/* chat/request.h -- the one form of a chat request, between any two dialects.
 *
 * Pure data.  Made by a dialect's request_read(), turned into another's bytes by
 * request_write().  It borrows from the request's body; what had to be decoded is in the
 * arena.  Strings stay escaped (struct json_text), numbers and schemas stay as they were
 * written (JSON text in a slice; empty: absent), media stay where they lie.
 *
 * Same dialect on both sides never comes here: those bytes are edited in place.
 */
#ifndef WEIR_CHAT_REQUEST_H
#define WEIR_CHAT_REQUEST_H

#include "wire/json_text.h"

enum tri { UNSET, YES, NO };

/* ---- messages ------------------------------------------------------------------------ */

enum chat_role {
	ROLE_SYSTEM,
	ROLE_DEVELOPER,
	ROLE_USER,
	ROLE_ASSISTANT,
	ROLE_TOOL, /* only PART_TOOL_RESULT parts, one or more */
};

enum part_kind {
	PART_TEXT,
	PART_IMAGE,       /* media */
	PART_AUDIO,       /* media */
	PART_DOCUMENT,    /* media, or text as a document */
	PART_VIDEO,       /* media */
	PART_TOOL_CALL,   /* assistant */
	PART_TOOL_RESULT, /* tool */
	PART_REASONING,   /* assistant */
	PART_REFUSAL,     /* assistant: text */
	PART_OTHER,       /* something only its own dialect has: `raw`, `what` */
};

enum cache_mark { CACHE_NONE, CACHE_DEFAULT, CACHE_5M, CACHE_1H };

enum media_source {
	MEDIA_INLINE, /* `data`: base64, standard alphabet, no spaces, unescaped */
	MEDIA_URL,    /* `url` */
	MEDIA_FILE,   /* `url` is an id at the provider (file_id, Files API URI, s3://) */
	MEDIA_TEXT,   /* `url` is the document's text */
};

struct chat_media {
	enum media_source source;
	struct slice mime; /* "image/png"; empty: not said */
	struct slice data;
	struct json_text url;
	struct json_text name;   /* of a file or document */
	struct json_text detail; /* image: low, high, auto */
	struct json_text title, context;
	bool citations; /* document: asked for */
};

struct chat_part;

struct chat_call {
	struct json_text id, name;
	struct slice args; /* JSON text (an object when args_ok), decoded; may be empty */
	bool args_ok;      /* it is a JSON object; an empty text counts as {} */
	bool custom;       /* a free-form tool: args is its input, plain text */
};

struct chat_result {
	struct json_text call_id;
	struct json_text name;   /* of the tool: found by the reader through the id */
	struct chat_part *parts; /* text, media, or PART_OTHER for json */
	bool is_error;
};

/* Opaque state of a provider: a signature of reasoning, an encrypted item, a thought signature
 * on a call or text.  `issuer` is the provider's name when weir sealed it on its way out
 * (chat/opaque.h), else empty: whoever speaks this dialect may have made it. */
struct chat_opaque {
	struct json_text data; /* empty: none */
	struct slice issuer;
};

struct chat_reasoning {
	struct json_text id;   /* of the item, where there are such */
	struct json_text text; /* visible; may be empty */
	struct chat_opaque signature;
	struct chat_opaque encrypted; /* redacted or encrypted reasoning instead of text */
	bool summary;                 /* the text is a summary, not the reasoning itself */
};

struct chat_part {
	struct chat_part *next;
	enum part_kind kind;
	enum cache_mark cache;        /* a cache breakpoint after this part */
	struct chat_opaque signature; /* Gemini: of a text or call part */
	union {
		struct json_text text; /* TEXT, REFUSAL */
		struct chat_media media;
		struct chat_call call;
		struct chat_result result;
		struct chat_reasoning reasoning;
		struct {
			const char *what; /* for a message: "search_result", "audio id" */
			struct slice raw; /* the part's JSON in its own dialect */
		} other;
	} u;
};

struct chat_message {
	struct chat_message *next;
	enum chat_role role;
	struct json_text name; /* of the participant */
	struct chat_part *parts;
	struct chat_part **tail; /* for appending: &parts or &last->next */
};

/* ---- tools --------------------------------------------------------------------------- */

enum tool_kind {
	TOOL_FUNCTION,
	TOOL_CUSTOM, /* free-form input; `format` may say how */
	TOOL_HOSTED, /* the provider runs it: `raw` in its own dialect */
};

struct chat_tool {
	struct chat_tool *next;
	enum tool_kind kind;
	struct json_text name, description;
	struct slice schema;   /* JSON Schema; empty: no parameters */
	struct slice format;   /* TOOL_CUSTOM */
	struct slice raw;      /* TOOL_HOSTED: the whole tool */
	struct json_text type; /* TOOL_HOSTED: "web_search_20260318" */
	enum tri strict;
	enum cache_mark cache;
};

enum choice_kind {
	CHOICE_UNSET,
	CHOICE_AUTO,
	CHOICE_NONE,
	CHOICE_REQUIRED,
	CHOICE_NAMED,
	CHOICE_ALLOWED
};

struct chat_name {
	struct chat_name *next;
	struct json_text name;
};

struct chat_choice {
	enum choice_kind kind;
	struct chat_name *names; /* NAMED: one; ALLOWED: some */
	bool allowed_required;   /* ALLOWED: one of them must be called */
};

/* ---- what is asked for --------------------------------------------------------------- */

enum format_kind { FORMAT_UNSET, FORMAT_TEXT, FORMAT_JSON, FORMAT_SCHEMA };

struct chat_format {
	enum format_kind kind;
	struct json_text name, description;
	struct slice schema;
	enum tri strict;
};

enum effort {
	EFFORT_UNSET,
	EFFORT_NONE,
	EFFORT_MINIMAL,
	EFFORT_LOW,
	EFFORT_MEDIUM,
	EFFORT_HIGH,
	EFFORT_XHIGH,
	EFFORT_MAX
};

struct chat_thinking {
	enum effort effort;
	uint64_t budget;          /* tokens; 0: not said */
	bool automatic;           /* as much as the model likes (adaptive; budget -1) */
	enum tri visible;         /* thoughts or their summary are wanted in the answer */
	struct json_text summary; /* Responses: auto, concise, detailed */
	enum tri encrypted;       /* Responses: include reasoning.encrypted_content */
};

/* A member that this form has no place for. */
struct chat_extra {
	struct chat_extra *next;
	struct slice key;   /* as in the body: "safetySettings", "logit_bias" */
	struct slice value; /* JSON text */
};

enum chat_wants { CHAT_ANSWER, CHAT_COUNT_TOKENS };

struct chat_request {
	const struct dialect *dialect; /* it was read from; set by the reader's caller */
	enum chat_wants wants;
	struct slice body;  /* borrowed: whole */
	struct slice model; /* as asked for, decoded */
	bool stream;
	bool wants_usage; /* a stream's usage is shown (dialects that always show it: true) */
	struct chat_message *messages; /* system prompts first, as ROLE_SYSTEM messages */
	struct chat_tool *tools;
	struct chat_choice choice;
	enum tri parallel_tools;
	struct chat_format format;
	struct chat_thinking thinking;
	uint64_t max_tokens; /* 0: not said */
	/* JSON numbers as written; empty: absent. */
	struct slice temperature, top_p, top_k, frequency_penalty, presence_penalty, seed;
	uint64_t n;             /* answers wanted; 0: not said */
	struct chat_name *stop; /* texts */
	enum tri logprobs;
	uint64_t top_logprobs;
	struct json_text user;         /* the end user's id */
	struct slice metadata;         /* JSON object of strings */
	struct json_text cache_key;    /* prompt_cache_key */
	struct json_text service_tier; /* in OpenAI's words: auto, default, flex, priority */
	struct json_text verbosity;
	enum tri store;
	struct slice audio; /* wanted: {"voice":..,"format":..} */
	bool wants_audio, wants_images;
	/* Not placed above, in the order of the body. */
	struct chat_extra *extras;
	/* Private: ends of the lists. */
	struct chat_message **messages_tail;
	struct chat_tool **tools_tail;
	struct chat_extra **extras_tail;
	/* For the gateway: what of it must be looked at before a deployment is chosen. */
	bool has_images, has_documents, has_audio, has_video;
	bool has_urls;       /* media by URL */
	struct slice pinned; /* provider that issued the newest opaque state; empty: none */
};

/* Building: all memory from the arena, zeroed; NULL on no memory (sticky in the arena). */
struct chat_message *chat_message_add(struct chat_request *r, struct arena *a,
				      enum chat_role role);
struct chat_part *chat_part_add(struct chat_message *m, struct arena *a, enum part_kind kind);
/* To a list that has no message (a tool result's parts). */
struct chat_part *chat_part_append(struct chat_part **list, struct arena *a,
				   enum part_kind kind);
struct chat_tool *chat_tool_add(struct chat_request *r, struct arena *a, enum tool_kind kind);
/* NULL, and not for want of memory, after 1,024 of them. */
struct chat_name *chat_name_add(struct chat_name **list, struct arena *a,
				struct json_text name);
/* NULL: none. */
const struct chat_extra *chat_extra_find(const struct chat_request *r, const char *key);
void chat_extra_add(struct chat_request *r, struct arena *a, struct slice key,
		    struct slice value);

/* To be called by every reader when all messages are there: gives tool results the names of
 * their calls, sets the has_* flags and `pinned`. */
void chat_request_finish(struct chat_request *r);

/* The tool call with this id, looking backwards from the end; NULL: none. */
const struct chat_call *chat_call_find(const struct chat_request *r, struct json_text id);
/* The arguments of a call that came as a string: sets args and args_ok of what c->custom says.
 */
void chat_call_args(struct chat_call *c, struct json_text text, struct arena *a);
/* Some message holds tool calls or results. */
bool chat_has_tool_blocks(const struct chat_request *r);

/* ---- media: what every dialect says differently -------------------------------------- */

/* "data:image/png;base64,AAAA" to an inline medium; anything else to MEDIA_URL.  False: a data
 * URL that is not base64. */
MUST_USE bool chat_media_from_url(struct chat_media *m, struct json_text url, struct arena *a);
/* Only what base64's standard alphabet has: it may stand in a JSON string as it is.  Not
 * whether its length is right. */
bool chat_media_is_base64(struct slice data);
/* The data URL of an inline medium, as parts of one string: `data:` mime `;base64,` data. */
struct json_out;
void chat_media_url_out(struct json_out *o, const struct chat_media *m);
/* "png" for "image/png", "pdf" for "application/pdf", "mp3" for "audio/mpeg"; empty: unknown.
 */
struct slice chat_media_format(struct slice mime);
/* And back; `kind` decides between audio and video ("mp4", "webm"). */
struct slice chat_media_mime(enum part_kind kind, struct slice format);
/* What a document says that is plain text, as it stands or decoded; empty: it is another kind,
 * or is not here, or there is no memory (sticky). */
struct json_text chat_media_text(const struct chat_media *m, struct arena *a);
/* By the first bytes of its base64; empty: unknown. */
struct slice chat_media_sniff(struct slice base64);

/* ---- effort and budget --------------------------------------------------------------- */

const char *effort_name(enum effort e);      /* "low"; NULL for unset */
enum effort effort_read(struct json_text t); /* EFFORT_UNSET: not one */
uint64_t effort_budget(enum effort e);       /* tokens; 0: none or unset */
enum effort effort_of_budget(uint64_t tokens);
/* Whether a provider of `own` is asked to show its thoughts.  Clients of another dialect that
 * ask for thinking, and had no way to say whether it shall be seen, see it. */
enum tri thinking_shown(const struct chat_request *r, const struct dialect *own);

#endif
