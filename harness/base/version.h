/* The version of tornpage, as --version, reports and findings print it. */
#ifndef TORNPAGE_BASE_VERSION_H
#define TORNPAGE_BASE_VERSION_H

#define TORNPAGE_VERSION "0.1"

#endif
