#include "base/err.h"

#define RC_NAME(name, text) #name,
#define RC_TEXT(name, text) text,
static const char *const names[] = { RC_TABLE(RC_NAME) };
static const char *const texts[] = { RC_TABLE(RC_TEXT) };

const char *rc_name(enum rc rc)
{
	return (unsigned)rc < RC_COUNT ? names[rc] : "E_UNKNOWN";
}

const char *rc_text(enum rc rc)
{
	return (unsigned)rc < RC_COUNT ? texts[rc] : "unknown";
}

enum rc err_set(struct err *e, enum rc rc, const char *id, const char *fmt, ...)
{
	va_list ap;

	if (e == NULL || e->rc != OK)
		return rc;
	e->rc = rc;
	e->id = id;
	va_start(ap, fmt);
	vsnprintf(e->text, sizeof(e->text), fmt, ap);
	va_end(ap);
	return rc;
}

enum rc err_sys(struct err *e, const char *id, int sys)
{
	if (e != NULL && e->rc == OK) {
		e->sys = sys;
		return err_set(e, E_SYS, id, "%s", strerror(sys));
	}
	return E_SYS;
}

enum rc err_nomem(struct err *e, const char *id)
{
	return err_set(e, E_NOMEM, id, "out of memory");
}
