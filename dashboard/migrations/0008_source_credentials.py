from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("dashboard", "0007_whole_undos"),
    ]

    operations = [
        migrations.AddField(
            model_name="source",
            name="credentials",
            field=models.BinaryField(blank=True, default=b""),
        ),
    ]
