#!/bin/sh
# Notes that it was started, and becomes the program beside it.
here=$(dirname "$0")
echo started >>"$here/started"
exec "$here/real" check-upload
