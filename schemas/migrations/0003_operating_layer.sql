CREATE TABLE `block_changes` (
	`id` text PRIMARY KEY NOT NULL,
	`block_id` text NOT NULL,
	`namespace_id` integer NOT NULL,
	`kind` text NOT NULL,
	`before` text NOT NULL,
	`after` text NOT NULL,
	`reason` text NOT NULL,
	`caller` text NOT NULL,
	`at_ms` integer NOT NULL,
	`questions` integer NOT NULL,
	`quality_before` real,
	`quality_after` real,
	`judged_at_ms` integer,
	`undone_at_ms` integer
);
--> statement-breakpoint
CREATE INDEX `block_changes_block` ON `block_changes` (`block_id`,`id`);--> statement-breakpoint
CREATE INDEX `block_changes_namespace` ON `block_changes` (`namespace_id`);--> statement-breakpoint
CREATE TABLE `block_members` (
	`block_id` text NOT NULL,
	`cube_id` text NOT NULL,
	`namespace_id` integer NOT NULL,
	`weight` real NOT NULL,
	`retired_at_ms` integer,
	`added_at_ms` integer NOT NULL,
	PRIMARY KEY(`block_id`, `cube_id`)
) WITHOUT ROWID;
--> statement-breakpoint
CREATE INDEX `block_members_cube` ON `block_members` (`namespace_id`,`cube_id`);--> statement-breakpoint
CREATE TABLE `blocks` (
	`id` text PRIMARY KEY NOT NULL,
	`namespace_id` integer NOT NULL,
	`name` text NOT NULL,
	`kind` text NOT NULL,
	`core_cube_id` text NOT NULL,
	`pinned` integer NOT NULL,
	`tokens_max` integer NOT NULL,
	`version` integer NOT NULL,
	`due_ms` integer,
	`created_by` text NOT NULL,
	`created_at_ms` integer NOT NULL,
	`updated_at_ms` integer NOT NULL
);
--> statement-breakpoint
CREATE UNIQUE INDEX `blocks_name` ON `blocks` (`namespace_id`,`name`);--> statement-breakpoint
CREATE INDEX `blocks_core` ON `blocks` (`core_cube_id`);--> statement-breakpoint
CREATE INDEX `blocks_due` ON `blocks` (`due_ms`) WHERE due_ms is not null;--> statement-breakpoint
CREATE TABLE `feedback` (
	`id` text PRIMARY KEY NOT NULL,
	`namespace_id` integer NOT NULL,
	`cube_id` text NOT NULL,
	`outcome` text NOT NULL,
	`request_id` text,
	`query` text,
	`caller` text NOT NULL,
	`at_ms` integer NOT NULL
);
--> statement-breakpoint
CREATE INDEX `feedback_cube` ON `feedback` (`namespace_id`,`cube_id`,`id`);--> statement-breakpoint
CREATE UNIQUE INDEX `feedback_once` ON `feedback` (`cube_id`,`request_id`,`caller`,`outcome`) WHERE request_id is not null;--> statement-breakpoint
CREATE TABLE `audit_heads` (
	`org_id` text PRIMARY KEY NOT NULL,
	`row_count` integer NOT NULL,
	`hash` text NOT NULL,
	`sealed_at_ms` integer NOT NULL
) WITHOUT ROWID;
--> statement-breakpoint
CREATE TABLE `permissions` (
	`id` text PRIMARY KEY NOT NULL,
	`org_id` text NOT NULL,
	`namespace_id` integer NOT NULL,
	`cube_id` text,
	`subject_kind` text NOT NULL,
	`subject_id` text NOT NULL,
	`access` text NOT NULL,
	`from_template` integer NOT NULL,
	`purposes` text,
	`tasks` text,
	`clearance` text NOT NULL,
	`not_before_ms` integer,
	`expires_at_ms` integer,
	`granted_by` text NOT NULL,
	`created_at_ms` integer NOT NULL
);
--> statement-breakpoint
CREATE INDEX `permissions_namespace` ON `permissions` (`namespace_id`);--> statement-breakpoint
CREATE INDEX `permissions_cube` ON `permissions` (`cube_id`);--> statement-breakpoint
CREATE INDEX `permissions_subject` ON `permissions` (`org_id`,`subject_kind`,`subject_id`);--> statement-breakpoint
INSERT INTO `permissions` (`id`, `org_id`, `namespace_id`, `subject_kind`, `subject_id`, `access`, `from_template`, `clearance`, `granted_by`, `created_at_ms`)
	SELECT '0000000000' || hex(randomblob(8)), n.`org_id`, g.`namespace_id`, g.`subject_kind`, g.`subject_id`, g.`access`, 0, 'secret', 'migration', g.`created_at_ms`
	FROM `grants` g JOIN `namespaces` n ON n.`id` = g.`namespace_id`;--> statement-breakpoint
DROP TABLE `grants`;--> statement-breakpoint
ALTER TABLE `api_keys` ADD `clearance` text DEFAULT 'personal' NOT NULL;--> statement-breakpoint
ALTER TABLE `api_keys` ADD `purposes` text;--> statement-breakpoint
ALTER TABLE `api_keys` ADD `tasks` text;--> statement-breakpoint
CREATE TABLE `role_members` (
	`org_id` text NOT NULL,
	`role` text NOT NULL,
	`subject_kind` text NOT NULL,
	`subject_id` text NOT NULL,
	`expires_at_ms` integer,
	`created_at_ms` integer NOT NULL,
	PRIMARY KEY(`org_id`, `role`, `subject_kind`, `subject_id`)
) WITHOUT ROWID;
--> statement-breakpoint
CREATE INDEX `role_members_subject` ON `role_members` (`org_id`,`subject_kind`,`subject_id`);--> statement-breakpoint
CREATE TABLE `roles` (
	`org_id` text NOT NULL,
	`name` text NOT NULL,
	`description` text,
	`template` text NOT NULL,
	`created_at_ms` integer NOT NULL,
	PRIMARY KEY(`org_id`, `name`)
) WITHOUT ROWID;
--> statement-breakpoint
CREATE TABLE `entities` (
	`namespace_id` integer NOT NULL,
	`key` text NOT NULL,
	`name` text NOT NULL,
	`kind` text NOT NULL,
	`created_at_ms` integer NOT NULL,
	PRIMARY KEY(`namespace_id`, `key`)
) WITHOUT ROWID;
--> statement-breakpoint
CREATE TABLE `entity_aliases` (
	`namespace_id` integer NOT NULL,
	`alias` text NOT NULL,
	`parent` text NOT NULL,
	`key` text NOT NULL,
	`source` text NOT NULL,
	`created_by` text NOT NULL,
	`created_at_ms` integer NOT NULL,
	PRIMARY KEY(`namespace_id`, `alias`)
) WITHOUT ROWID;
--> statement-breakpoint
CREATE INDEX `entity_aliases_key` ON `entity_aliases` (`namespace_id`,`key`);--> statement-breakpoint
CREATE INDEX `entity_aliases_parent` ON `entity_aliases` (`namespace_id`,`parent`);--> statement-breakpoint
CREATE TABLE `fact_links` (
	`namespace_id` integer NOT NULL,
	`from_id` text NOT NULL,
	`to_id` text NOT NULL,
	`relation` text NOT NULL,
	`previous_to_ms` integer,
	`created_by` text NOT NULL,
	`created_at_ms` integer NOT NULL,
	`undone_at_ms` integer,
	`undone_by` text,
	PRIMARY KEY(`namespace_id`, `from_id`, `to_id`, `relation`, `created_at_ms`)
) WITHOUT ROWID;
--> statement-breakpoint
CREATE INDEX `fact_links_to` ON `fact_links` (`namespace_id`,`to_id`);--> statement-breakpoint
CREATE TABLE `facts` (
	`id` text PRIMARY KEY NOT NULL,
	`namespace_id` integer NOT NULL,
	`seq` integer NOT NULL,
	`cube_id` text NOT NULL,
	`subject` text NOT NULL,
	`predicate` text NOT NULL,
	`object` text NOT NULL,
	`object_key` text,
	`slot` text NOT NULL,
	`stance` text NOT NULL,
	`valid_from_ms` integer NOT NULL,
	`valid_to_ms` integer,
	`stated_to_ms` integer,
	`recorded_at_ms` integer NOT NULL,
	`retracted_at_ms` integer,
	`retracted_by` text,
	`superseded_by` text,
	`confidence` real NOT NULL,
	`source` text NOT NULL
);
--> statement-breakpoint
CREATE INDEX `facts_subject` ON `facts` (`namespace_id`,`subject`,`slot`,`valid_from_ms`);--> statement-breakpoint
CREATE INDEX `facts_time` ON `facts` (`namespace_id`,`valid_from_ms`,`id`);--> statement-breakpoint
CREATE INDEX `facts_object` ON `facts` (`namespace_id`,`object_key`);--> statement-breakpoint
CREATE INDEX `facts_seq` ON `facts` (`namespace_id`,`seq`);--> statement-breakpoint
CREATE TABLE `mentions` (
	`namespace_id` integer NOT NULL,
	`key` text NOT NULL,
	`seq` integer NOT NULL,
	`count` integer NOT NULL,
	PRIMARY KEY(`namespace_id`, `key`, `seq`)
) WITHOUT ROWID;
--> statement-breakpoint
CREATE INDEX `mentions_seq` ON `mentions` (`namespace_id`,`seq`);--> statement-breakpoint
CREATE TABLE `stale_knowledge` (
	`namespace_id` integer NOT NULL,
	`seq` integer NOT NULL,
	PRIMARY KEY(`namespace_id`, `seq`)
) WITHOUT ROWID;
--> statement-breakpoint
CREATE TABLE `cold_embeddings` (
	`namespace_id` integer NOT NULL,
	`seq` integer NOT NULL,
	`model` text NOT NULL,
	`vector` blob NOT NULL,
	PRIMARY KEY(`namespace_id`, `seq`, `model`)
);
--> statement-breakpoint
CREATE TABLE `cold_postings` (
	`namespace_id` integer NOT NULL,
	`term` text NOT NULL,
	`seq` integer NOT NULL,
	`frequency` integer NOT NULL,
	`length` integer NOT NULL,
	`session_id` integer,
	PRIMARY KEY(`namespace_id`, `term`, `seq`)
) WITHOUT ROWID;
--> statement-breakpoint
CREATE TABLE `transitions` (
	`id` integer PRIMARY KEY NOT NULL,
	`namespace_id` integer NOT NULL,
	`seq` integer NOT NULL,
	`cube_id` text NOT NULL,
	`from_state` text NOT NULL,
	`to_state` text NOT NULL,
	`event` text NOT NULL,
	`caller` text NOT NULL,
	`reason` text,
	`at_ms` integer NOT NULL
);
--> statement-breakpoint
CREATE INDEX `transitions_cube` ON `transitions` (`namespace_id`,`seq`,`id`);--> statement-breakpoint
CREATE TABLE `outbox` (
	`id` text PRIMARY KEY NOT NULL,
	`org_id` text NOT NULL,
	`namespace_id` integer,
	`kind` text NOT NULL,
	`payload` text NOT NULL,
	`idempotency_key` text NOT NULL,
	`state` text NOT NULL,
	`attempts` integer NOT NULL,
	`next_at_ms` integer NOT NULL,
	`error` text,
	`created_at_ms` integer NOT NULL
);
--> statement-breakpoint
CREATE UNIQUE INDEX `outbox_key` ON `outbox` (`org_id`,`idempotency_key`);--> statement-breakpoint
CREATE INDEX `outbox_due` ON `outbox` (`state`,`kind`,`next_at_ms`);--> statement-breakpoint
CREATE INDEX `outbox_org` ON `outbox` (`org_id`,`id`);--> statement-breakpoint
CREATE INDEX `outbox_namespace` ON `outbox` (`namespace_id`);--> statement-breakpoint
CREATE TABLE `pipeline_runs` (
	`id` text PRIMARY KEY NOT NULL,
	`org_id` text NOT NULL,
	`namespace_id` integer,
	`name` text NOT NULL,
	`caller` text NOT NULL,
	`report` text NOT NULL,
	`created_at_ms` integer NOT NULL
);
--> statement-breakpoint
CREATE INDEX `pipeline_runs_org` ON `pipeline_runs` (`org_id`,`id`);--> statement-breakpoint
CREATE INDEX `pipeline_runs_namespace` ON `pipeline_runs` (`namespace_id`);--> statement-breakpoint
CREATE TABLE `pipelines` (
	`org_id` text NOT NULL,
	`name` text NOT NULL,
	`definition` text NOT NULL,
	`created_by` text NOT NULL,
	`created_at_ms` integer NOT NULL,
	`updated_at_ms` integer NOT NULL,
	PRIMARY KEY(`org_id`, `name`)
) WITHOUT ROWID;
--> statement-breakpoint
CREATE TABLE `decisions` (
	`id` integer PRIMARY KEY AUTOINCREMENT NOT NULL,
	`org_id` text NOT NULL,
	`namespace_id` integer NOT NULL,
	`at_ms` integer NOT NULL,
	`kind` text NOT NULL,
	`strategy` text NOT NULL,
	`inputs` text NOT NULL,
	`choice` text NOT NULL,
	`reason` text NOT NULL,
	`caller` text NOT NULL,
	`task_id` text,
	`cube_id` text
);
--> statement-breakpoint
CREATE INDEX `decisions_org` ON `decisions` (`org_id`,`id`);--> statement-breakpoint
CREATE INDEX `decisions_namespace` ON `decisions` (`namespace_id`,`id`);--> statement-breakpoint
CREATE TABLE `schedules` (
	`namespace_id` integer PRIMARY KEY NOT NULL,
	`next_at_ms` integer NOT NULL
);
--> statement-breakpoint
CREATE INDEX `schedules_next` ON `schedules` (`next_at_ms`);--> statement-breakpoint
CREATE TABLE `hot_cubes` (
	`namespace_id` integer NOT NULL,
	`seq` integer NOT NULL,
	`rank` integer NOT NULL,
	`score` real NOT NULL,
	PRIMARY KEY(`namespace_id`, `seq`)
) WITHOUT ROWID;
--> statement-breakpoint
CREATE TABLE `branch_cubes` (
	`branch_id` text NOT NULL,
	`cube_id` text NOT NULL,
	`namespace_id` integer NOT NULL,
	`revision` integer,
	`cid` text,
	`bytes` blob,
	`local` text,
	`author` text NOT NULL,
	`updated_at_ms` integer NOT NULL,
	PRIMARY KEY(`branch_id`, `cube_id`)
);
--> statement-breakpoint
CREATE INDEX `branch_cubes_namespace` ON `branch_cubes` (`namespace_id`);--> statement-breakpoint
CREATE INDEX `branch_cubes_cube` ON `branch_cubes` (`cube_id`);--> statement-breakpoint
CREATE TABLE `branches` (
	`id` text PRIMARY KEY NOT NULL,
	`namespace_id` integer NOT NULL,
	`name` text NOT NULL,
	`cube_id` text,
	`snapshot_id` text NOT NULL,
	`state` text NOT NULL,
	`created_by` text NOT NULL,
	`created_at_ms` integer NOT NULL,
	`closed_at_ms` integer
);
--> statement-breakpoint
CREATE UNIQUE INDEX `branches_name` ON `branches` (`namespace_id`,`name`);--> statement-breakpoint
CREATE TABLE `snapshot_cubes` (
	`snapshot_id` text NOT NULL,
	`cube_id` text NOT NULL,
	`namespace_id` integer NOT NULL,
	`seq` integer NOT NULL,
	`revision` integer NOT NULL,
	`cid` text NOT NULL,
	`state` text NOT NULL,
	PRIMARY KEY(`snapshot_id`, `cube_id`)
) WITHOUT ROWID;
--> statement-breakpoint
CREATE INDEX `snapshot_cubes_namespace` ON `snapshot_cubes` (`namespace_id`);--> statement-breakpoint
CREATE INDEX `snapshot_cubes_cube` ON `snapshot_cubes` (`cube_id`);--> statement-breakpoint
CREATE TABLE `snapshots` (
	`id` text PRIMARY KEY NOT NULL,
	`namespace_id` integer NOT NULL,
	`name` text,
	`cube_count` integer NOT NULL,
	`created_by` text NOT NULL,
	`created_at_ms` integer NOT NULL
);
--> statement-breakpoint
CREATE UNIQUE INDEX `snapshots_name` ON `snapshots` (`namespace_id`,`name`);--> statement-breakpoint
ALTER TABLE `cubes` ADD `heat` real DEFAULT 0 NOT NULL;--> statement-breakpoint
ALTER TABLE `cubes` ADD `usefulness` real DEFAULT 0 NOT NULL;--> statement-breakpoint
ALTER TABLE `cubes` ADD `context_fingerprint` text;--> statement-breakpoint
ALTER TABLE `cubes` ADD `valid_from_ms` integer;--> statement-breakpoint
ALTER TABLE `cubes` ADD `valid_to_ms` integer;--> statement-breakpoint
ALTER TABLE `cubes` ADD `merged_into` text;--> statement-breakpoint
ALTER TABLE `cubes` ADD `labels` text DEFAULT '[]' NOT NULL;--> statement-breakpoint
CREATE INDEX `cubes_used` ON `cubes` (`namespace_id`,`last_used_at_ms`) WHERE last_used_at_ms is not null;--> statement-breakpoint
CREATE INDEX `cubes_typed` ON `cubes` (`namespace_id`,`memory_type`,`last_used_at_ms`) WHERE memory_type != 'plaintext';--> statement-breakpoint
DROP INDEX `tasks_due`;--> statement-breakpoint
CREATE INDEX `tasks_due` ON `tasks` (`state`,`kind`,`lease_until_ms`);--> statement-breakpoint
CREATE INDEX `tasks_namespace` ON `tasks` (`namespace_id`,`state`,`kind`) WHERE namespace_id is not null;--> statement-breakpoint
ALTER TABLE `audit_log` ADD `hash` text;--> statement-breakpoint
CREATE INDEX `audit_log_unsealed` ON `audit_log` (`org_id`,`id`) WHERE hash is null;--> statement-breakpoint
ALTER TABLE `namespaces` ADD `knowledge_seq` integer DEFAULT 0 NOT NULL;--> statement-breakpoint
ALTER TABLE `namespaces` ADD `lifecycle_due_ms` integer DEFAULT 0 NOT NULL;--> statement-breakpoint
ALTER TABLE `namespaces` ADD `lifecycle_seq` integer DEFAULT 0 NOT NULL;--> statement-breakpoint
ALTER TABLE `namespaces` ADD `consolidated_seq` integer DEFAULT 0 NOT NULL;--> statement-breakpoint
CREATE INDEX `namespaces_lifecycle` ON `namespaces` (`lifecycle_due_ms`);--> statement-breakpoint
CREATE INDEX `cubes_archived` ON `cubes` (`namespace_id`,`seq`,`session_id`,`term_count`) WHERE state = 'archived';