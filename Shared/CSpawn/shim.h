#include <spawn.h>

/* What glibc's header shows to programs of GNU's dialect alone, which Swift's module `Glibc` is not. */

/* glibc 2.34 and later. */
extern int posix_spawn_file_actions_addclosefrom_np(posix_spawn_file_actions_t *actions, int from);

/* `POSIX_SPAWN_SETSID`, glibc 2.26 and later. */
static const int fullsync_spawn_new_session = 0x80;
