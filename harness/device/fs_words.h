/*
 * Which options of mkfs and mount may come from a file that nobody vouches for, such as a finding. Both run as root: mkfs formats
 * any device or writes any file that its options name, and so do some mount options. So there is an allow-list: what is not known
 * to be harmless is not. Sources: mke2fs(8), mkfs.xfs(8), mkfs.btrfs(8), ext4(5), xfs(5), btrfs(5), mount(8).
 */
#ifndef TORNPAGE_DEVICE_FS_WORDS_H
#define TORNPAGE_DEVICE_FS_WORDS_H

#include <stdbool.h>

/* A file system whose options are known here. */
bool fs_words_known(const char *fs);
/* Are these options for mkfs (NULL: none), separated by spaces, harmless? They name no file and no device, by path, label or
 * number. */
bool fs_words_mkfs_harmless(const char *fs, const char *options);
/* The same for mount options, separated by commas. */
bool fs_words_mount_harmless(const char *fs, const char *options);

#endif
