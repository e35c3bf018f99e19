#include "chat/request.h"

#include "wire/base64.h"
#include "wire/json_out.h"

static const struct {
	struct slice mime, format;
	enum part_kind kind;
} formats[] = {
	/* the first row of a format is the one that a format is turned into */
	{ LITC("image/png"), LITC("png"), PART_IMAGE },
	{ LITC("image/jpeg"), LITC("jpeg"), PART_IMAGE },
	{ LITC("image/jpg"), LITC("jpeg"), PART_IMAGE },
	{ LITC("image/gif"), LITC("gif"), PART_IMAGE },
	{ LITC("image/webp"), LITC("webp"), PART_IMAGE },
	{ LITC("audio/wav"), LITC("wav"), PART_AUDIO },
	{ LITC("audio/x-wav"), LITC("wav"), PART_AUDIO },
	{ LITC("audio/mpeg"), LITC("mp3"), PART_AUDIO },
	{ LITC("audio/mp3"), LITC("mp3"), PART_AUDIO },
	{ LITC("audio/flac"), LITC("flac"), PART_AUDIO },
	{ LITC("audio/ogg"), LITC("ogg"), PART_AUDIO },
	{ LITC("audio/opus"), LITC("opus"), PART_AUDIO },
	{ LITC("audio/aac"), LITC("aac"), PART_AUDIO },
	{ LITC("audio/mp4"), LITC("m4a"), PART_AUDIO },
	{ LITC("audio/webm"), LITC("webm"), PART_AUDIO },
	{ LITC("application/pdf"), LITC("pdf"), PART_DOCUMENT },
	{ LITC("text/plain"), LITC("txt"), PART_DOCUMENT },
	{ LITC("text/markdown"), LITC("md"), PART_DOCUMENT },
	{ LITC("text/html"), LITC("html"), PART_DOCUMENT },
	{ LITC("text/csv"), LITC("csv"), PART_DOCUMENT },
	{ LITC("application/msword"), LITC("doc"), PART_DOCUMENT },
	{ LITC("application/vnd.openxmlformats-officedocument.wordprocessingml.document"),
	  LITC("docx"), PART_DOCUMENT },
	{ LITC("application/vnd.ms-excel"), LITC("xls"), PART_DOCUMENT },
	{ LITC("application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"),
	  LITC("xlsx"), PART_DOCUMENT },
	{ LITC("video/mp4"), LITC("mp4"), PART_VIDEO },
	{ LITC("video/webm"), LITC("webm"), PART_VIDEO },
	{ LITC("video/quicktime"), LITC("mov"), PART_VIDEO },
	{ LITC("video/mpeg"), LITC("mpeg"), PART_VIDEO },
	{ LITC("video/x-matroska"), LITC("mkv"), PART_VIDEO },
};

struct slice chat_media_format(struct slice mime)
{
	struct slice type = mime, rest;

	(void)slice_cut(mime, ';', &type, &rest);
	for (size_t i = 0; i < ARRAY_LEN(formats); i++)
		if (slice_ieq(formats[i].mime, slice_trim(type)))
			return formats[i].format;
	return (struct slice){ NULL, 0 };
}

struct slice chat_media_mime(enum part_kind kind, struct slice format)
{
	if (slice_ieq(format, LIT("jpg")))
		format = LIT("jpeg");
	for (size_t i = 0; i < ARRAY_LEN(formats); i++)
		if (formats[i].kind == kind && slice_ieq(formats[i].format, format))
			return formats[i].mime;
	return (struct slice){ NULL, 0 };
}

struct slice chat_media_sniff(struct slice base64)
{
	/* The first bytes of a file, in base64, as far as they fill whole characters. */
	static const struct {
		struct slice begins, mime;
	} magic[] = {
		{ LITC("iVBORw0KGgo"), LITC("image/png") },
		{ LITC("/9j/"), LITC("image/jpeg") },
		{ LITC("R0lGODdh"), LITC("image/gif") },
		{ LITC("R0lGODlh"), LITC("image/gif") },
		{ LITC("JVBERi0"), LITC("application/pdf") },
		{ LITC("T2dnUw"), LITC("audio/ogg") },
		{ LITC("ZkxhQw"), LITC("audio/flac") },
		{ LITC("SUQz"), LITC("audio/mpeg") },
	};

	for (size_t i = 0; i < ARRAY_LEN(magic); i++)
		if (slice_starts(base64, magic[i].begins))
			return magic[i].mime;
	/* RIFF, four bytes of length, then WEBP or WAVE: bytes 8-11 are characters 10.7-16. */
	if (slice_starts(base64, LIT("UklGR")) && base64.n >= 16) {
		struct slice form = { base64.p + 11, 5 };

		if (slice_eq(form, LIT("XRUJQ")))
			return LIT("image/webp");
		if (slice_eq(form, LIT("XQVZF")))
			return LIT("audio/wav");
	}
	return (struct slice){ NULL, 0 };
}

bool chat_media_is_base64(struct slice data)
{
	unsigned bad = 0;

	/* No early exit: such text is long and right. */
	for (size_t i = 0; i < data.n; i++) {
		unsigned char c = (unsigned char)data.p[i];

		bad |= !((c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') ||
			 (c >= '/' && c <= '9') || c == '+' || c == '=');
	}
	return bad == 0;
}

bool chat_media_from_url(struct chat_media *m, struct json_text url, struct arena *a)
{
	struct slice plain, mime, data;

	if (!slice_starts(url.s, LIT("data:"))) {
		m->source = MEDIA_URL;
		m->url = url;
		return true;
	}
	plain = json_text_plain(url, a); /* some write \/ in base64 */
	if (!slice_cut(slice_skip(plain, sizeof("data:") - 1), ',', &mime, &data) ||
	    !slice_ends(mime, LIT(";base64")) || !chat_media_is_base64(data))
		return false;
	m->source = MEDIA_INLINE;
	m->mime = slice_head(mime, mime.n - (sizeof(";base64") - 1));
	m->data = data;
	return true;
}

void chat_media_url_out(struct json_out *o, const struct chat_media *m)
{
	if (m->source == MEDIA_URL) {
		out_text(o, m->url);
		return;
	}
	out_text_open(o);
	out_str_part(o, LIT("data:"));
	out_str_part(o, m->mime.n > 0 ? m->mime : LIT("application/octet-stream"));
	out_str_part(o, LIT(";base64,"));
	out_text_part(o, (struct json_text){ m->data });
	out_text_close(o);
}

struct json_text chat_media_text(const struct chat_media *m, struct arena *a)
{
	char *p;
	size_t n;

	if (m->source == MEDIA_TEXT)
		return m->url;
	if (m->source != MEDIA_INLINE || !slice_starts(m->mime, LIT("text/")))
		return (struct json_text){ { NULL, 0 } };
	p = arena_bytes(a, m->data.n / 4 * 3);
	if (p == NULL || !base64_read(m->data, p, &n))
		return (struct json_text){ { NULL, 0 } };
	return json_text_encode(slice_of(p, n), a);
}
