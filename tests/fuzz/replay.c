/* tests/fuzz/replay.c -- runs a fuzz target over files and folders of files, once each.
 *
 * Exit 1 when there was none: a corpus that went missing must not look like a pass.
 */
#include "fuzz.h"

#include <dirent.h>
#include <errno.h>
#include <sys/stat.h>

enum { FILE_BYTES_MAX = 16 << 20 };

static void replay_file(const char *path, size_t size)
{
	/* Exactly as long as the file, so that ASAN sees a read past the end. */
	uint8_t *bytes = malloc(size > 0 ? size : 1);
	FILE *f = fopen(path, "rb");

	if (bytes == NULL || f == NULL || fread(bytes, 1, size, f) != size) {
		fprintf(stderr, "%s: %s\n", path, strerror(errno));
		exit(2);
	}
	fclose(f);
	LLVMFuzzerTestOneInput(bytes, size);
	free(bytes);
}

static size_t replay(const char *path, bool inside)
{
	struct dirent *entry;
	struct stat st;
	char name[4096];
	size_t n = 0;
	DIR *dir;

	if (stat(path, &st) < 0 || st.st_size > FILE_BYTES_MAX) {
		fprintf(stderr, "%s: missing or too large\n", path);
		exit(2);
	}
	if (!S_ISDIR(st.st_mode)) {
		replay_file(path, (size_t)st.st_size);
		return 1;
	}
	dir = inside ? NULL : opendir(path);
	while (dir != NULL && (entry = readdir(dir)) != NULL) {
		if (entry->d_name[0] == '.')
			continue;
		snprintf(name, sizeof(name), "%s/%s", path, entry->d_name);
		n += replay(name, true);
	}
	if (dir != NULL)
		closedir(dir);
	return n;
}

int main(int argc, char **argv)
{
	size_t n = 0;

	for (int i = 1; i < argc; i++)
		n += replay(argv[i], false);
	printf("%zu inputs\n", n);
	return n > 0 ? 0 : 1;
}
