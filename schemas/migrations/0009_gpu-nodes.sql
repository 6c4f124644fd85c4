CREATE TABLE `node_organisations` (
	`org_id` text NOT NULL,
	`node_id` text NOT NULL,
	PRIMARY KEY(`org_id`, `node_id`)
) WITHOUT ROWID;
--> statement-breakpoint
CREATE INDEX `node_organisations_node` ON `node_organisations` (`node_id`);--> statement-breakpoint
CREATE TABLE `node_tasks` (
	`id` text PRIMARY KEY NOT NULL,
	`org_id` text NOT NULL,
	`kind` text NOT NULL,
	`model` text NOT NULL,
	`input` text NOT NULL,
	`priority` integer NOT NULL,
	`idempotency_key` text,
	`state` text NOT NULL,
	`node_id` text,
	`lease` text,
	`lease_until_ms` integer,
	`attempts` integer NOT NULL,
	`result` text,
	`error` text,
	`created_at_ms` integer NOT NULL,
	`updated_at_ms` integer NOT NULL
);
--> statement-breakpoint
CREATE INDEX `node_tasks_org` ON `node_tasks` (`org_id`,`id`);--> statement-breakpoint
CREATE UNIQUE INDEX `node_tasks_key` ON `node_tasks` (`org_id`,`idempotency_key`) WHERE idempotency_key is not null;--> statement-breakpoint
CREATE INDEX `node_tasks_due` ON `node_tasks` (`priority`,`id`) WHERE state = 'queued';--> statement-breakpoint
CREATE INDEX `node_tasks_leased` ON `node_tasks` (`lease_until_ms`) WHERE state = 'leased';--> statement-breakpoint
CREATE INDEX `node_tasks_open` ON `node_tasks` (`org_id`,`state`) WHERE state in ('queued', 'leased');--> statement-breakpoint
CREATE INDEX `node_tasks_ended` ON `node_tasks` (`updated_at_ms`) WHERE state in ('done', 'failed', 'cancelled');--> statement-breakpoint
CREATE TABLE `node_tokens` (
	`id` text PRIMARY KEY NOT NULL,
	`hash` text NOT NULL,
	`org_id` text NOT NULL,
	`organisations` text NOT NULL,
	`name` text NOT NULL,
	`created_at_ms` integer NOT NULL,
	`expires_at_ms` integer NOT NULL,
	`used_at_ms` integer,
	`used_by` text
);
--> statement-breakpoint
CREATE INDEX `node_tokens_expiry` ON `node_tokens` (`expires_at_ms`);--> statement-breakpoint
CREATE TABLE `nodes` (
	`id` text PRIMARY KEY NOT NULL,
	`public_key` text NOT NULL,
	`name` text NOT NULL,
	`created_at_ms` integer NOT NULL,
	`last_seen_ms` integer NOT NULL,
	`revoked_at_ms` integer
);
--> statement-breakpoint
CREATE UNIQUE INDEX `nodes_key` ON `nodes` (`public_key`);