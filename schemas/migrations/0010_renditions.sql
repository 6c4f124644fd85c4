CREATE TABLE `kv_renditions` (
	`cube_id` text NOT NULL,
	`model` text NOT NULL,
	`namespace_id` integer NOT NULL,
	`session` text NOT NULL,
	`digest` text NOT NULL,
	`rendition` text NOT NULL,
	`bytes` integer NOT NULL,
	`used_at_ms` integer NOT NULL,
	`created_at_ms` integer NOT NULL,
	PRIMARY KEY(`cube_id`, `model`, `session`)
);
--> statement-breakpoint
CREATE UNIQUE INDEX `kv_renditions_session` ON `kv_renditions` (`namespace_id`,`session`,`model`) WHERE session != '';--> statement-breakpoint
CREATE INDEX `kv_renditions_namespace` ON `kv_renditions` (`namespace_id`,`used_at_ms`);--> statement-breakpoint
CREATE INDEX `kv_renditions_used` ON `kv_renditions` (`used_at_ms`);--> statement-breakpoint
CREATE TABLE `kv_sources` (
	`source_id` text NOT NULL,
	`cube_id` text NOT NULL,
	`namespace_id` integer NOT NULL,
	PRIMARY KEY(`source_id`, `cube_id`)
) WITHOUT ROWID;
--> statement-breakpoint
CREATE INDEX `kv_sources_cube` ON `kv_sources` (`cube_id`);--> statement-breakpoint
CREATE INDEX `kv_sources_namespace` ON `kv_sources` (`namespace_id`);