import Postgres

/// The tables of the ERP.
enum Schema {
    static let migrations = [PostgresMigration(version: 1, name: "work orders", sql: workOrders)]

    private static let workOrders = """
        CREATE SCHEMA erp;

        CREATE TABLE erp.teams (
            name text PRIMARY KEY
        );

        CREATE TABLE erp.technicians (
            login text PRIMARY KEY,
            name text NOT NULL,
            team text NOT NULL REFERENCES erp.teams,
            password_salt bytea NOT NULL,
            password_rounds integer NOT NULL,
            password_hash bytea NOT NULL
        );

        CREATE TABLE erp.customers (
            id text PRIMARY KEY,
            name text NOT NULL,
            street text NOT NULL,
            city text NOT NULL,
            phone text NOT NULL,
            team text NOT NULL REFERENCES erp.teams
        );

        CREATE TABLE erp.parts (
            id text PRIMARY KEY,
            name text NOT NULL,
            unit text NOT NULL,
            price_cents integer NOT NULL
        );

        CREATE TABLE erp.work_orders (
            number text PRIMARY KEY,
            title text NOT NULL,
            description text NOT NULL,
            priority text NOT NULL CHECK (priority IN ('low', 'normal', 'high')),
            status text NOT NULL CHECK (status IN ('open', 'in_progress', 'closed')),
            customer text NOT NULL REFERENCES erp.customers,
            technician text NOT NULL REFERENCES erp.technicians,
            team text NOT NULL REFERENCES erp.teams,
            parts jsonb NOT NULL,
            notes text NOT NULL,
            closed_at timestamptz,
            closed_by text REFERENCES erp.technicians,
            version bigint NOT NULL
        );
        CREATE INDEX ON erp.work_orders (technician, number);
        CREATE INDEX ON erp.work_orders (team, number);
        CREATE INDEX ON erp.work_orders (version);

        CREATE SEQUENCE erp.work_order_number;

        -- One row, taken last in each transaction that changes work orders: whoever reads "all above version n" never
        -- misses one that committed late.
        CREATE TABLE erp.change_counter (
            only_row boolean PRIMARY KEY DEFAULT true CHECK (only_row),
            value bigint NOT NULL
        );
        INSERT INTO erp.change_counter (value) VALUES (0);

        CREATE TABLE erp.catalogue (
            kind text NOT NULL,
            code text NOT NULL,
            name text NOT NULL,
            data jsonb NOT NULL,
            PRIMARY KEY (kind, code)
        );

        CREATE TABLE erp.effects (
            idempotency_key text PRIMARY KEY,
            at timestamptz NOT NULL DEFAULT now(),
            work_order text NOT NULL,
            request_digest bytea NOT NULL,
            answer json
        );
        CREATE INDEX ON erp.effects (at);

        CREATE TABLE erp.outbox (
            position bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
            id uuid NOT NULL DEFAULT gen_random_uuid(),
            routing_key text NOT NULL,
            body json NOT NULL,
            published_at timestamptz
        );
        CREATE INDEX ON erp.outbox (position) WHERE published_at IS NULL;
        CREATE INDEX ON erp.outbox (published_at);

        CREATE TABLE erp.seedings (
            at timestamptz NOT NULL DEFAULT now()
        );
        """
}
