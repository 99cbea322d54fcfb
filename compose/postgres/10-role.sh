#!/usr/bin/env bash
# PostgreSQL's image runs this once, when it makes the database: the role that the programs log in with owns the database
# and is no superuser. ROLE names it; its password is the secret <ROLE>-password or, for Full Sync's own, postgres-password.
set -eu -o pipefail

psql --no-psqlrc --quiet --set ON_ERROR_STOP=1 --set role="$ROLE" --set database="$POSTGRES_DB" \
    --username "$POSTGRES_USER" --dbname "$POSTGRES_DB" <<'SQL'
\getenv password_file ROLE_PASSWORD_FILE
\set password `cat "$ROLE_PASSWORD_FILE"`
CREATE ROLE :"role" LOGIN PASSWORD :'password';
ALTER DATABASE :"database" OWNER TO :"role";
SQL
