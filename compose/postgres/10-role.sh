#!/usr/bin/env bash
# PostgreSQL's image runs this once, when it makes the database: the role that programs log in with owns the database
# and is no superuser. ROLE names it, ROLE_PASSWORD_FILE is the secret with its password. A schema that has the role's
# name would else come first in its search path, as soon as a program makes it.
set -eu -o pipefail

psql --no-psqlrc --quiet --set ON_ERROR_STOP=1 --set role="$ROLE" --set database="$POSTGRES_DB" \
    --username "$POSTGRES_USER" --dbname "$POSTGRES_DB" <<'SQL'
\set password `cat "$ROLE_PASSWORD_FILE"`
CREATE ROLE :"role" LOGIN PASSWORD :'password';
ALTER ROLE :"role" SET search_path = public;
ALTER DATABASE :"database" OWNER TO :"role";
SQL
