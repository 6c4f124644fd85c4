ALTER TABLE `snapshots` ADD `erased_none` integer DEFAULT 0 NOT NULL;--> statement-breakpoint
ALTER TABLE `snapshots` ADD `erased_personal` integer DEFAULT 0 NOT NULL;--> statement-breakpoint
ALTER TABLE `snapshots` ADD `erased_secret` integer DEFAULT 0 NOT NULL;--> statement-breakpoint
CREATE INDEX `cubes_sensitive` ON `cubes` (`namespace_id`,`sensitivity`) WHERE sensitivity != 'none';--> statement-breakpoint
UPDATE `snapshots` SET `erased_secret` = `cube_count` - (SELECT count(*) FROM `snapshot_cubes` WHERE `snapshot_cubes`.`snapshot_id` = `snapshots`.`id`);--> statement-breakpoint
UPDATE `snapshots` SET `cube_count` = `cube_count` - `erased_secret`;--> statement-breakpoint
UPDATE `decisions` SET `reason` = 'Those' || substr(`reason`, instr(`reason`, ' with ')) WHERE `kind` = 'hot_set' AND instr(`reason`, ' cubes, those with ') > 0;