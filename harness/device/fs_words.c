/*
 * Options that may come from others: see fs_words.h. The rules:
 * 1. A word has letters, digits and ^ = , . : _ + - only. So it has no slash, and names no path but a file in the working
 * directory.
 * 2. An option of mkfs is in the table, and its value, joined to it or in the next word, belongs to it. Only a word that is such
 * a value may begin without '-'.
 * 3. Where an option takes "key=value,...", the keys are in the table: others name journals and further devices.
 * 4. A mount option's key is in the table.
 */
#include "device/fs_words.h"

#include <ctype.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"

static const char ext_extended[] =
    "-E=stride,stripe_width,stripe-width,resize,lazy_itable_init,lazy_journal_init,assume_storage_prezeroed,num_backup_sb,"
    "packed_meta_blocks,orphan_file_size,discard,nodiscard,hash_seed,root_owner,quotatype,desc-size,desc_size,encoding,"
    "encoding_flags,test_fs,no_copy_xattrs";

/* Options of mkfs; "=" behind those that take a value, and then the keys that the value may have, if it has keys. */
static const char *const ext_mkfs[] = {"-b=", "-C=", "-F",  "-g=", "-G=", "-i=", "-I=", "-j",  "-J=size,fast_commit_size",
                                       "-L=", "-m=", "-N=", "-O=", "-q",  "-r=", "-T=", "-U=", ext_extended,
                                       NULL};
static const char *const xfs_mkfs[] = {"-b=size,log",
                                       "-d=agcount,agsize,sunit,swidth,su,sw,noalign,sectsize,cowextsize,extszinherit,daxinherit",
                                       "-f",
                                       "-i=size,log,perblock,maxpct,align,attr,projid32bit,sparse,nrext64,exchange",
                                       "-K",
                                       "-l=internal,size,sunit,su,version,lazy-count,sectsize",
                                       "-L=",
                                       "-m=crc,finobt,rmapbt,reflink,inobtcount,bigtime,uuid,autofsck,metadir",
                                       "-n=size,log,version,ftype,parent",
                                       "-q",
                                       "-s=size,log",
                                       "--unsupported",
                                       NULL};
static const char *const btrfs_mkfs[] = {"-d=",     "--data=",
                                         "-m=",     "--metadata=",
                                         "-M",      "--mixed",
                                         "-n=",     "--nodesize=",
                                         "-s=",     "--sectorsize=",
                                         "-O=",     "--features=",
                                         "-R=",     "--runtime-features=",
                                         "--csum=", "--checksum=",
                                         "-K",      "--nodiscard",
                                         "-L=",     "--label=",
                                         "-U=",     "--uuid=",
                                         "-f",      "--force",
                                         "-q",      "--quiet",
                                         NULL};

static const char mount_of_all[] =
    "ro rw noatime nodiratime relatime strictatime lazytime sync async dirsync nosuid nodev noexec defaults "
    "acl noacl discard nodiscard norecovery barrier nobarrier commit";
static const char ext_mount[] =
    "data data_err delalloc nodelalloc journal_checksum nojournal_checksum journal_async_commit auto_da_alloc noauto_da_alloc "
    "dioread_lock dioread_nolock block_validity noblock_validity max_batch_time min_batch_time journal_ioprio stripe init_itable "
    "noinit_itable inode_readahead_blks i_version errors user_xattr nouser_xattr bsddf minixdf debug grpid bsdgroups nogrpid "
    "sysvgroups resgid resuid sb quota noquota usrquota grpquota prjquota max_dir_size_kb noload nombcache mb_optimize_scan "
    "prefetch_block_bitmaps no_prefetch_block_bitmaps reservation noreservation dax";
static const char xfs_mount[] =
    "allocsize attr2 noattr2 dax filestreams grpid bsdgroups nogrpid sysvgroups ikeep noikeep inode32 inode64 largeio nolargeio "
    "logbufs logbsize noalign noquota nouuid quota uquota usrquota uqnoenforce gquota grpquota gqnoenforce pquota prjquota "
    "pqnoenforce sunit swidth swalloc wsync max_atomic_write";
static const char btrfs_mount[] =
    "autodefrag noautodefrag clear_cache compress compress-force datacow nodatacow datasum nodatasum degraded enospc_debug "
    "noenospc_debug fatal_errors flushoncommit noflushoncommit fragment max_inline metadata_ratio rescue skip_balance "
    "space_cache nospace_cache ssd ssd_spread nossd nossd_spread subvolid thread_pool treelog notreelog usebackuproot "
    "user_subvol_rm_allowed";

static const struct fs_words {
    const char *fs;
    const char *const *mkfs;
    const char *mount; /* keys besides mount_of_all */
} known[] = {
    {"ext2", ext_mkfs, ext_mount}, {"ext3", ext_mkfs, ext_mount},      {"ext4", ext_mkfs, ext_mount},
    {"xfs", xfs_mkfs, xfs_mount},  {"btrfs", btrfs_mkfs, btrfs_mount},
};

static const struct fs_words *words_of(const char *fs)
{
    for (size_t i = 0; i < sizeof known / sizeof *known; i++)
        if (strcmp(known[i].fs, fs) == 0)
            return &known[i];
    return NULL;
}

bool fs_words_known(const char *fs)
{
    return words_of(fs);
}

static bool is_plain(const char *text, const char *separators)
{
    for (; *text; text++)
        if (!isalnum((unsigned char)*text) && !strchr("^=,.:_+-", *text) && !strchr(separators, *text))
            return false;
    return true;
}

/* Is the word of len bytes in a list, whose words have `separator` between and around them? */
static bool listed(const char *list, char separator, const char *word, size_t len)
{
    const char ends[] = {separator, '\0'};
    struct buf list_ends = {.data = NULL}, word_ends = {.data = NULL};

    buf_printf(&list_ends, "%s%s%s", ends, list, ends);
    buf_puts(&word_ends, ends);
    buf_add(&word_ends, word, len);
    buf_puts(&word_ends, ends);
    const bool found = len > 0 && strstr(buf_text(&list_ends), buf_text(&word_ends));

    buf_free(&list_ends);
    buf_free(&word_ends);
    return found;
}

/* Are all keys of "key=value,key" in a list with commas? */
static bool keys_listed(const char *list, const char *value)
{
    for (const char *at = value;; at++) {
        if (!listed(list, ',', at, strcspn(at, "=,")))
            return false;
        at += strcspn(at, ",");
        if (!*at)
            return true;
    }
}

/*
 * The option of the table that a word gives, NULL: none. *ret_value: its value where that is joined to it, "-b1024",
 * "--nodesize=4096"; else NULL. Letters that share one '-' are not taken apart: "-qF" is not allowed.
 */
static const char *find_option(const char *const *table, const char *word, const char **ret_value)
{
    const bool is_long = strncmp(word, "--", 2) == 0;
    const size_t len = is_long ? strcspn(word, "=") : 2;

    for (; strlen(word) >= len && *table; table++)
        if (strcspn(*table, "=") == len && memcmp(*table, word, len) == 0) {
            *ret_value = word[len] ? word + len + is_long : NULL;
            return *table;
        }
    return NULL;
}

bool fs_words_mkfs_harmless(const char *fs, const char *options)
{
    const struct fs_words *of = words_of(fs);
    char *words = xstrdup(options ? options : ""), *save = NULL;
    bool good = of && is_plain(words, " ");

    for (char *w = strtok_r(words, " ", &save); w && good; w = strtok_r(NULL, " ", &save)) {
        const char *value = NULL, *option = find_option(of->mkfs, w, &value), *keys = option ? strchr(option, '=') : NULL;

        if (keys && !value)
            value = strtok_r(NULL, " ", &save);
        if (keys)
            good = value && *value != '-' && (!keys[1] || keys_listed(keys + 1, value));
        else
            good = option && !value;
    }
    free(words);
    return good;
}

bool fs_words_mount_harmless(const char *fs, const char *options)
{
    const struct fs_words *of = words_of(fs);
    char *words = xstrdup(options ? options : ""), *save = NULL;
    bool good = of && is_plain(words, "");

    for (char *w = strtok_r(words, ",", &save); w && good; w = strtok_r(NULL, ",", &save)) {
        const size_t len = strcspn(w, "=");

        good = listed(mount_of_all, ' ', w, len) || listed(of->mount, ' ', w, len);
    }
    free(words);
    return good;
}
