-- A row of a table WITHOUT ROWID is a key of its tree, of which SQLite keeps at most 1002 bytes in a page: each entry of 1 KiB had a page of
-- 4 KiB to itself. With a rowid three share one.
CREATE TABLE `mip_entries_new` (
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
);
--> statement-breakpoint
INSERT INTO `mip_entries_new` SELECT `log_id`, `epoch`, `seq`, `cid`, `bytes`, `signature`, `op`, `cube`, `body_cid`, `ts` FROM `mip_entries` ORDER BY `log_id`, `epoch`, `seq`;--> statement-breakpoint
DROP TABLE `mip_entries`;--> statement-breakpoint
ALTER TABLE `mip_entries_new` RENAME TO `mip_entries`;--> statement-breakpoint
CREATE INDEX `mip_entries_cube` ON `mip_entries` (`log_id`,`cube`);
