CREATE TABLE `cubes` (
	`namespace_id` integer NOT NULL,
	`seq` integer NOT NULL,
	`cube_id` text NOT NULL,
	`revision` integer NOT NULL,
	`cid` text NOT NULL,
	`state` text NOT NULL,
	`memory_type` text NOT NULL,
	`semantic_type` text NOT NULL,
	`title` text,
	`session_id` integer,
	`position` integer,
	`speaker` text,
	`role` text,
	`said_at_ms` integer NOT NULL,
	`created_at_ms` integer NOT NULL,
	`updated_at_ms` integer NOT NULL,
	`last_used_at_ms` integer,
	`access_count` integer DEFAULT 0 NOT NULL,
	`expires_at_ms` integer,
	`priority` text NOT NULL,
	`sensitivity` text NOT NULL,
	`origin_kind` text NOT NULL,
	`origin_ref` text,
	`provenance_id` text NOT NULL,
	`tags` text NOT NULL,
	`metadata` text NOT NULL,
	`features` integer NOT NULL,
	`term_count` integer NOT NULL,
	`analyser` integer NOT NULL,
	`content_bytes` integer NOT NULL,
	PRIMARY KEY(`namespace_id`, `seq`)
) WITHOUT ROWID;
--> statement-breakpoint
CREATE UNIQUE INDEX `cubes_cube_id` ON `cubes` (`cube_id`);--> statement-breakpoint
CREATE INDEX `cubes_session` ON `cubes` (`namespace_id`,`session_id`,`position`) WHERE session_id is not null;--> statement-breakpoint
CREATE INDEX `cubes_expiry` ON `cubes` (`expires_at_ms`) WHERE expires_at_ms is not null;--> statement-breakpoint
CREATE TABLE `postings` (
	`namespace_id` integer NOT NULL,
	`term` text NOT NULL,
	`seq` integer NOT NULL,
	`frequency` integer NOT NULL,
	`length` integer NOT NULL,
	`session_id` integer,
	PRIMARY KEY(`namespace_id`, `term`, `seq`)
) WITHOUT ROWID;
--> statement-breakpoint
CREATE TABLE `revisions` (
	`id` integer PRIMARY KEY NOT NULL,
	`cube_id` text NOT NULL,
	`number` integer NOT NULL,
	`cid` text NOT NULL,
	`bytes` blob NOT NULL,
	`mode` text NOT NULL,
	`author` text NOT NULL,
	`created_at_ms` integer NOT NULL
);
--> statement-breakpoint
CREATE UNIQUE INDEX `revisions_number` ON `revisions` (`cube_id`,`number`);--> statement-breakpoint
CREATE TABLE `sessions` (
	`id` integer PRIMARY KEY NOT NULL,
	`namespace_id` integer NOT NULL,
	`key` text NOT NULL,
	`ordinal` integer NOT NULL,
	`next_position` integer DEFAULT 0 NOT NULL,
	`term_total` integer DEFAULT 0 NOT NULL,
	`started_at_ms` integer NOT NULL
);
--> statement-breakpoint
CREATE UNIQUE INDEX `sessions_key` ON `sessions` (`namespace_id`,`key`);--> statement-breakpoint
CREATE TABLE `tombstones` (
	`cube_id` text PRIMARY KEY NOT NULL,
	`namespace_id` integer NOT NULL,
	`cid` text NOT NULL,
	`deleted_at_ms` integer NOT NULL,
	`reason` text NOT NULL
);
--> statement-breakpoint
CREATE INDEX `tombstones_namespace` ON `tombstones` (`namespace_id`);--> statement-breakpoint
CREATE TABLE `api_keys` (
	`id` text PRIMARY KEY NOT NULL,
	`org_id` text NOT NULL,
	`name` text NOT NULL,
	`hash` text NOT NULL,
	`previous_hash` text,
	`previous_until_ms` integer,
	`scopes` text NOT NULL,
	`subject_kind` text,
	`subject_id` text,
	`namespaces` text,
	`rate_per_minute` integer NOT NULL,
	`created_at_ms` integer NOT NULL,
	`expires_at_ms` integer,
	`revoked_at_ms` integer
);
--> statement-breakpoint
CREATE INDEX `api_keys_org` ON `api_keys` (`org_id`);--> statement-breakpoint
CREATE TABLE `organisations` (
	`id` text PRIMARY KEY NOT NULL,
	`name` text NOT NULL,
	`database` text DEFAULT 'default' NOT NULL,
	`state` text DEFAULT 'active' NOT NULL,
	`cubes_max` integer,
	`created_at_ms` integer NOT NULL
);
--> statement-breakpoint
CREATE TABLE `guard` (
	`ok` integer NOT NULL,
	CONSTRAINT "guard_ok" CHECK("guard"."ok" = 1)
);
--> statement-breakpoint
CREATE TABLE `audit_log` (
	`id` integer PRIMARY KEY AUTOINCREMENT NOT NULL,
	`org_id` text NOT NULL,
	`at_ms` integer NOT NULL,
	`request_id` text NOT NULL,
	`caller` text NOT NULL,
	`operation` text NOT NULL,
	`outcome` text NOT NULL,
	`namespace_id` integer,
	`memory_type` text,
	`cube_count` integer NOT NULL,
	`cube_ids` text NOT NULL
);
--> statement-breakpoint
CREATE INDEX `audit_log_org` ON `audit_log` (`org_id`,`id`);--> statement-breakpoint
CREATE TABLE `idempotency` (
	`org_id` text NOT NULL,
	`key` text NOT NULL,
	`request_hash` text NOT NULL,
	`status` integer NOT NULL,
	`response` text,
	`created_at_ms` integer NOT NULL,
	PRIMARY KEY(`org_id`, `key`)
) WITHOUT ROWID;
--> statement-breakpoint
CREATE INDEX `idempotency_created` ON `idempotency` (`created_at_ms`);--> statement-breakpoint
CREATE TABLE `tasks` (
	`id` text PRIMARY KEY NOT NULL,
	`org_id` text NOT NULL,
	`namespace_id` integer,
	`kind` text NOT NULL,
	`state` text NOT NULL,
	`input` text NOT NULL,
	`progress` integer DEFAULT 0 NOT NULL,
	`total` integer,
	`attempts` integer DEFAULT 0 NOT NULL,
	`error` text,
	`lease_until_ms` integer,
	`created_at_ms` integer NOT NULL,
	`updated_at_ms` integer NOT NULL
);
--> statement-breakpoint
CREATE INDEX `tasks_org` ON `tasks` (`org_id`,`id`);--> statement-breakpoint
CREATE INDEX `tasks_due` ON `tasks` (`state`,`lease_until_ms`);--> statement-breakpoint
CREATE TABLE `usage` (
	`org_id` text NOT NULL,
	`period` text NOT NULL,
	`metric` text NOT NULL,
	`value` integer NOT NULL,
	PRIMARY KEY(`org_id`, `period`, `metric`)
) WITHOUT ROWID;
--> statement-breakpoint
CREATE TABLE `grants` (
	`namespace_id` integer NOT NULL,
	`subject_kind` text NOT NULL,
	`subject_id` text NOT NULL,
	`access` text NOT NULL,
	`created_at_ms` integer NOT NULL,
	PRIMARY KEY(`namespace_id`, `subject_kind`, `subject_id`)
) WITHOUT ROWID;
--> statement-breakpoint
CREATE INDEX `grants_subject` ON `grants` (`subject_kind`,`subject_id`);--> statement-breakpoint
CREATE TABLE `namespaces` (
	`id` integer PRIMARY KEY NOT NULL,
	`org_id` text NOT NULL,
	`name` text NOT NULL,
	`layer` text NOT NULL,
	`owner_kind` text,
	`owner_id` text,
	`settings` text NOT NULL,
	`next_seq` integer DEFAULT 1 NOT NULL,
	`next_change` integer DEFAULT 1 NOT NULL,
	`cube_count` integer DEFAULT 0 NOT NULL,
	`term_total` integer DEFAULT 0 NOT NULL,
	`created_at_ms` integer NOT NULL
);
--> statement-breakpoint
CREATE UNIQUE INDEX `namespaces_name` ON `namespaces` (`org_id`,`name`);--> statement-breakpoint
CREATE INDEX `namespaces_owner` ON `namespaces` (`org_id`,`owner_kind`,`owner_id`);--> statement-breakpoint
CREATE TABLE `principals` (
	`org_id` text NOT NULL,
	`kind` text NOT NULL,
	`id` text NOT NULL,
	`display_name` text,
	`created_at_ms` integer NOT NULL,
	PRIMARY KEY(`org_id`, `kind`, `id`)
) WITHOUT ROWID;
--> statement-breakpoint
CREATE TABLE `embeddings` (
	`id` integer PRIMARY KEY NOT NULL,
	`namespace_id` integer NOT NULL,
	`model` text NOT NULL,
	`seq` integer NOT NULL,
	`change` integer NOT NULL,
	`vector` blob NOT NULL
);
--> statement-breakpoint
CREATE UNIQUE INDEX `embeddings_seq` ON `embeddings` (`namespace_id`,`model`,`seq`);--> statement-breakpoint
CREATE INDEX `embeddings_change` ON `embeddings` (`namespace_id`,`model`,`change`);--> statement-breakpoint
CREATE TABLE `vector_spaces` (
	`namespace_id` integer NOT NULL,
	`model` text NOT NULL,
	`dimensions` integer NOT NULL,
	`state` text NOT NULL,
	`built_seq` integer DEFAULT 0 NOT NULL,
	`created_at_ms` integer NOT NULL,
	PRIMARY KEY(`namespace_id`, `model`)
) WITHOUT ROWID;
