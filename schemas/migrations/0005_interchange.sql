CREATE TABLE `mip_denied` (
	`org_id` text NOT NULL,
	`did` text NOT NULL,
	`subject` text NOT NULL,
	`reason` text NOT NULL,
	`at_ms` integer NOT NULL,
	PRIMARY KEY(`org_id`, `did`, `subject`)
) WITHOUT ROWID;
--> statement-breakpoint
CREATE TABLE `mip_entries` (
	`log_id` integer NOT NULL,
	`epoch` integer NOT NULL,
	`seq` integer NOT NULL,
	`cid` text NOT NULL,
	`bytes` blob NOT NULL,
	`signature` blob NOT NULL,
	`op` text NOT NULL,
	`cube` text,
	`body_cid` text,
	`ts` integer NOT NULL,
	PRIMARY KEY(`log_id`, `epoch`, `seq`)
) WITHOUT ROWID;
--> statement-breakpoint
CREATE INDEX `mip_entries_cube` ON `mip_entries` (`log_id`,`cube`);--> statement-breakpoint
CREATE TABLE `mip_identities` (
	`did` text PRIMARY KEY NOT NULL,
	`org_id` text NOT NULL,
	`created_at_ms` integer NOT NULL
);
--> statement-breakpoint
CREATE UNIQUE INDEX `mip_identities_orgId_unique` ON `mip_identities` (`org_id`);--> statement-breakpoint
CREATE TABLE `mip_ingested` (
	`org_id` text NOT NULL,
	`subscription_id` text NOT NULL,
	`did` text NOT NULL,
	`cube` text NOT NULL,
	`number` integer NOT NULL,
	`cid` text NOT NULL,
	`cube_id` text,
	`namespace_id` integer NOT NULL,
	`state` text NOT NULL,
	`reason` text,
	`at_ms` integer NOT NULL,
	PRIMARY KEY(`subscription_id`, `cube`)
) WITHOUT ROWID;
--> statement-breakpoint
CREATE INDEX `mip_ingested_cid` ON `mip_ingested` (`org_id`,`cid`);--> statement-breakpoint
CREATE INDEX `mip_ingested_cube` ON `mip_ingested` (`namespace_id`,`cube_id`);--> statement-breakpoint
CREATE INDEX `mip_ingested_origin` ON `mip_ingested` (`org_id`,`did`,`cube`);--> statement-breakpoint
CREATE TABLE `mip_logs` (
	`id` integer PRIMARY KEY NOT NULL,
	`org_id` text NOT NULL,
	`did` text NOT NULL,
	`log` text NOT NULL,
	`role` text NOT NULL,
	`epoch` integer NOT NULL,
	`seq` integer NOT NULL,
	`head_cid` text,
	`state` text NOT NULL,
	`stopped` text,
	`updated_at_ms` integer NOT NULL
);
--> statement-breakpoint
CREATE UNIQUE INDEX `mip_logs_identity` ON `mip_logs` (`org_id`,`did`,`log`);--> statement-breakpoint
CREATE INDEX `mip_logs_role` ON `mip_logs` (`org_id`,`role`);--> statement-breakpoint
CREATE TABLE `mip_mirrors` (
	`org_id` text NOT NULL,
	`did` text NOT NULL,
	`address` text NOT NULL,
	`strikes` integer NOT NULL,
	`reason` text NOT NULL,
	`rest_until_ms` integer NOT NULL,
	`updated_at_ms` integer NOT NULL,
	PRIMARY KEY(`org_id`, `did`, `address`)
) WITHOUT ROWID;
--> statement-breakpoint
CREATE TABLE `mip_objects` (
	`org_id` text NOT NULL,
	`cid` text NOT NULL,
	`did` text NOT NULL,
	`cube` text NOT NULL,
	`source` text NOT NULL,
	`bytes` blob NOT NULL,
	PRIMARY KEY(`org_id`, `cid`, `did`, `cube`)
);
--> statement-breakpoint
CREATE INDEX `mip_objects_cid` ON `mip_objects` (`cid`);--> statement-breakpoint
CREATE INDEX `mip_objects_cube` ON `mip_objects` (`org_id`,`did`,`cube`);--> statement-breakpoint
CREATE INDEX `mip_objects_source` ON `mip_objects` (`org_id`,`did`,`source`) WHERE source != '';--> statement-breakpoint
CREATE TABLE `mip_peers` (
	`org_id` text NOT NULL,
	`did` text NOT NULL,
	`name` text,
	`tier` text NOT NULL,
	`addresses` text NOT NULL,
	`strikes` integer NOT NULL,
	`created_at_ms` integer NOT NULL,
	`updated_at_ms` integer NOT NULL,
	PRIMARY KEY(`org_id`, `did`)
) WITHOUT ROWID;
--> statement-breakpoint
CREATE TABLE `mip_proofs` (
	`org_id` text NOT NULL,
	`cid` text NOT NULL,
	`did` text NOT NULL,
	`log` text NOT NULL,
	`epoch` integer NOT NULL,
	`seq` integer NOT NULL,
	`bytes` blob NOT NULL,
	`at_ms` integer NOT NULL,
	PRIMARY KEY(`org_id`, `cid`)
);
--> statement-breakpoint
CREATE INDEX `mip_proofs_log` ON `mip_proofs` (`org_id`,`did`,`log`);--> statement-breakpoint
CREATE TABLE `mip_subscriptions` (
	`id` text PRIMARY KEY NOT NULL,
	`org_id` text NOT NULL,
	`did` text NOT NULL,
	`log` text NOT NULL,
	`filter` text NOT NULL,
	`namespace_id` integer NOT NULL,
	`state` text NOT NULL,
	`epoch` integer NOT NULL,
	`seq` integer NOT NULL,
	`error` text,
	`attempts` integer NOT NULL,
	`next_at_ms` integer NOT NULL,
	`verify` text DEFAULT 'strict' NOT NULL,
	`created_by` text NOT NULL,
	`created_at_ms` integer NOT NULL,
	`updated_at_ms` integer NOT NULL
);
--> statement-breakpoint
CREATE INDEX `mip_subscriptions_org` ON `mip_subscriptions` (`org_id`,`did`,`log`);--> statement-breakpoint
CREATE INDEX `mip_subscriptions_due` ON `mip_subscriptions` (`state`,`next_at_ms`);--> statement-breakpoint
CREATE INDEX `mip_subscriptions_namespace` ON `mip_subscriptions` (`namespace_id`);