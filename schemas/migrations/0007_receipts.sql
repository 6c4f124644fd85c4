CREATE TABLE `mip_erasures` (
	`org_id` text NOT NULL,
	`revoke` text NOT NULL,
	`did` text NOT NULL,
	`log` text NOT NULL,
	`epoch` integer NOT NULL,
	`seq` integer NOT NULL,
	`cube` text NOT NULL,
	`revisions` text NOT NULL,
	`cubes` integer NOT NULL,
	`renditions` integer NOT NULL,
	`blobs` integer NOT NULL,
	`blob_keys` text NOT NULL,
	`receipt` blob,
	`answer` text,
	`attempts` integer NOT NULL,
	`next_at_ms` integer NOT NULL,
	`at_ms` integer NOT NULL,
	PRIMARY KEY(`org_id`, `revoke`)
);
--> statement-breakpoint
CREATE INDEX `mip_erasures_due` ON `mip_erasures` (`next_at_ms`) WHERE answer is null;--> statement-breakpoint
CREATE TABLE `mip_receipts` (
	`org_id` text NOT NULL,
	`revoke` text NOT NULL,
	`cube` text NOT NULL,
	`did` text NOT NULL,
	`cid` text NOT NULL,
	`receipt` blob NOT NULL,
	`erased_at_ms` integer NOT NULL,
	`at_ms` integer NOT NULL,
	PRIMARY KEY(`org_id`, `revoke`, `did`)
);
--> statement-breakpoint
CREATE INDEX `mip_receipts_cube` ON `mip_receipts` (`org_id`,`cube`,`revoke`,`did`);--> statement-breakpoint
CREATE TABLE `mip_servers` (
	`org_id` text NOT NULL,
	`did` text NOT NULL,
	`peer_id` text NOT NULL,
	`chain` text NOT NULL,
	`root` text NOT NULL,
	`exp_ms` integer NOT NULL,
	`at_ms` integer NOT NULL,
	PRIMARY KEY(`org_id`, `did`, `peer_id`)
) WITHOUT ROWID;
