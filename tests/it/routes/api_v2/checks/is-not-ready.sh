#!/bin/sh
# A child that never gets ready.
echo 'no such directory' >&2
exit 1
