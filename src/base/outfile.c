// SPDX-License-Identifier: MIT
// Temporary name, sync, rename: a reader sees the old file or the new one, never a part.
#include "base/outfile.h"

#include "base/alloc.h"
#include "base/ranks.h"
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

tw_status tw_outfile_open(tw_outfile *file, const char *path)
{
    tw_status st = TW_OK;
    tw_outfile made = {0};
    size_t room = strlen(path) + 32;

    TW_TRY(tw_strdup(path, &made.path));
    if (tw_rank() > 0) { // rank 0 writes; the others go the same way
        made.stream = fopen("/dev/null", "wb");
        if (!made.stream) {
            st = tw_fail(TW_EIO, "/dev/null: cannot be written: %s", strerror(errno));
            goto done;
        }
        *file = made;
        made = (tw_outfile){0};
        goto done;
    }
    TW_TRY(tw_alloc((int64_t)room, 1, &made.temporary));
    snprintf(made.temporary, room, "%s.%ld.part", path, (long)getpid());
    made.stream = fopen(made.temporary, "wb");
    if (!made.stream) {
        st = tw_fail(TW_EIO, "%s: cannot be written: %s", path, strerror(errno));
        goto done;
    }
    *file = made;
    made = (tw_outfile){0};
done:
    tw_outfile_discard(&made);
    return st;
}

static void sync_folder(const char *path)
{
    char folder[4096];
    snprintf(folder, sizeof folder, "%s", path);
    char *slash = strrchr(folder, '/');
    if (slash) slash[slash == folder] = '\0';
    int descriptor = open(slash ? folder : ".", O_RDONLY | O_DIRECTORY);
    if (descriptor >= 0) {
        (void)fsync(descriptor); // some file systems cannot sync a folder; the rename itself has succeeded
        close(descriptor);
    }
}

tw_status tw_outfile_commit(tw_outfile *file)
{
    tw_status st = TW_OK;
    bool bad = ferror(file->stream) != 0;
    bad |= fflush(file->stream) != 0 || (file->temporary && fsync(fileno(file->stream)) != 0);
    int error = errno;
    bad |= fclose(file->stream) != 0;
    file->stream = NULL;
    if (bad) {
        st =
            tw_fail(TW_EIO, "%s: could not be written whole: %s; nothing was left behind", file->path, strerror(error));
    } else if (file->temporary && rename(file->temporary, file->path) != 0) {
        st = tw_fail(TW_EIO, "%s: cannot be replaced: %s", file->path, strerror(errno));
    } else if (file->temporary) {
        sync_folder(file->path);
        free(file->temporary);
        file->temporary = NULL;
    }
    tw_outfile_discard(file);
    return st;
}

void tw_outfile_discard(tw_outfile *file)
{
    if (file->stream) fclose(file->stream);
    if (file->temporary) unlink(file->temporary);
    free(file->temporary);
    free(file->path);
    *file = (tw_outfile){0};
}
