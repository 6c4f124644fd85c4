-- A guard row has served once its CHECK has passed; the table stays empty.
CREATE TRIGGER `guard_clear` AFTER INSERT ON `guard` BEGIN DELETE FROM `guard`; END;
