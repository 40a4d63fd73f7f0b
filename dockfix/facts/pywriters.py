"""Calls of Python libraries that write files and folders, and the arguments that tell them where."""

from __future__ import annotations

import re
from typing import Final

HINT: Final = re.compile(
    r"mkdir|makedirs|open\s*\(|sqlite|FileHandler|basicConfig|dump\s*\(|shelve|write_text|write_bytes|\.touch\(|\.save|"
    r"imwrite|savefig|to_csv|to_excel|to_json|to_parquet|to_pickle|UPLOAD|_FOLDER|_DIR\b|MEDIA_ROOT|copy|move\s*\(|logger\.add|"
    r"FileSystem|TinyDB|PersistentClient|diskcache|ZipFile|tarfile|urlretrieve|SESSION_TYPE|np\.|torch|download|"
    r"GzipFile|BZ2File|LZMAFile|ExcelWriter|VideoWriter|duckdb|h5py|write_index|make_archive|YOLO|"
    r"Interface\s*\(|write_|to_file|to_hdf|export\s*\(|screenshot|extractall|persist|fileConfig|dictConfig|set_key|pdfkit|xlsxwriter|"
    r"whoosh|plyvel|lancedb|rocksdict|kuzu|qdrant|SummaryWriter|file_writer|requests_cache|pickledb|Milvus|onnx|Checkpoint|"
    r"output_file|Persistence|FileStorage|SQLiteCache|TelegramClient|pyrogram|hydrogram|mlflow|wandb|You[Tt]ube|instaloader|"
    r"CrawlerProcess|\.bind\s*\(|reportlab|\.output\s*\(|system\b|popen\b|shell\s*=\s*True|getoutput|subprocess_shell|outtmpl|"
    r"graphviz|pypdf|PyPDF|clone_from|unpack_archive|render_to|stream_to|rasterio|netCDF|to_netcdf|"
    r"_(?:dir|directory|folder|root)\s*="
)
"""A source without this writes nothing, so that it need not be parsed.

Each way begins with what it is found by, and no boundary: where none can begin, a search moves on at once.
"""

FOLDER_CALLS: Final = {
    "os.makedirs": 0, "os.mkdir": 0, "chromadb.PersistentClient": 0, "diskcache.Cache": 0, "diskcache.FanoutCache": 0,
    "shutil.copytree": 1, "flask_caching.backends.FileSystemCache": 0, "cachelib.file.FileSystemCache": 0,
    "cachelib.FileSystemCache": 0, "django.core.files.storage.FileSystemStorage": 0, "joblib.Memory": 0,
    "whoosh.index.create_in": 0, "plyvel.DB": 0, "lancedb.connect": 0, "lancedb.connect_async": 0, "rocksdict.Rdict": 0,
    "kuzu.Database": 0, "torch.utils.tensorboard.SummaryWriter": 0, "tensorboardX.SummaryWriter": 0,
    "tensorflow.summary.create_file_writer": 0, "qdrant_client.QdrantClient": 10,
}  # fmt: skip
"""Calls that make or fill a folder, each with the number of the argument that names it."""

FOLDER_NAMES: Final = (
    "name", "path", "directory", "location", "cache_dir", "dst", "indexdir", "log_dir", "logdir", "uri",
)  # fmt: skip
"""Names of that argument."""

FOLDER_KEYWORDS: Final = (
    "persist_directory", "cache_dir", "cache_folder", "download_root", "model_storage_directory", "output_dir",
    "output_folder", "save_dir", "log_dir",
)  # fmt: skip
"""Arguments by which libraries of models and vectors, among others, are told where to put what they make."""

FETCHED: Final = ("download_dir", "local_dir")
"""The same of what is fetched: apps do so where the folder is not there, so that nobody is to make it for them."""

FILE_CALLS: Final = {
    "sqlite3.connect": 0, "aiosqlite.connect": 0, "logging.FileHandler": 0, "logging.handlers.RotatingFileHandler": 0,
    "logging.handlers.TimedRotatingFileHandler": 0, "logging.handlers.WatchedFileHandler": 0, "joblib.dump": 1,
    "shelve.open": 0, "dbm.open": 0, "tinydb.TinyDB": 0, "cv2.imwrite": 0, "torch.save": 1, "numpy.save": 0,
    "numpy.savez": 0, "numpy.savetxt": 0, "matplotlib.pyplot.savefig": 0, "shutil.copy": 1, "shutil.copy2": 1,
    "shutil.copyfile": 1, "shutil.move": 1, "urllib.request.urlretrieve": 1, "loguru.logger.add": 0,
    "peewee.SqliteDatabase": 0, "playhouse.sqlite_ext.SqliteExtDatabase": 0, "huey.SqliteHuey": 1, "pydal.DAL": 9,
    "os.rename": 1, "os.replace": 1, "soundfile.write": 0, "scipy.io.wavfile.write": 0, "imageio.imwrite": 0,
    "concurrent_log_handler.ConcurrentRotatingFileHandler": 0, "numpy.savez_compressed": 0, "pandas.ExcelWriter": 0,
    "cv2.VideoWriter": 0, "duckdb.connect": 0, "lmdb.open": 0, "faiss.write_index": 1, "shutil.make_archive": 0,
    "pdfkit.from_string": 1, "pdfkit.from_file": 1, "pdfkit.from_url": 1, "wget.download": 1, "gdown.download": 1,
    "xlsxwriter.Workbook": 0, "onnx.save": 1, "onnx.save_model": 1, "sqlitedict.SqliteDict": 0, "pickledb.load": 0,
    "pickledb.PickleDB": 0, "ZODB.FileStorage.FileStorage": 0, "dotenv.set_key": 0, "bokeh.plotting.output_file": 0,
    "bokeh.io.output_file": 0, "telegram.ext.PicklePersistence": 0, "requests_cache.CachedSession": 0,
    "requests_cache.install_cache": 0, "langchain.cache.SQLiteCache": 0, "langchain_community.cache.SQLiteCache": 0,
    "keras.callbacks.ModelCheckpoint": 0, "tensorflow.keras.callbacks.ModelCheckpoint": 0, "pymilvus.MilvusClient": 0,
    "telethon.TelegramClient": 0, "telethon.sync.TelegramClient": 0, "pyrogram.Client": 0, "hydrogram.Client": 0,
    "reportlab.pdfgen.canvas.Canvas": 0, "reportlab.platypus.SimpleDocTemplate": 0,
    "reportlab.platypus.BaseDocTemplate": 0, "git.Repo.clone_from": 1, "shutil.unpack_archive": 1,
}  # fmt: skip
"""Calls that write a file, each with the number of the argument that names it."""

FILE_KEYWORDS: Final = (
    "filename", "path", "database", "fname", "dst", "file", "sink", "location", "cache_dir", "dst_path", "name",
    "filepath", "database_path", "cache_name", "output", "output_path", "session", "uri", "to_path", "extract_dir",
)  # fmt: skip
"""Names of that argument."""

FOLDER_USERS: Final = frozenset({
    "gradio.Interface", "instaloader.Instaloader", "mlflow.set_experiment", "mlflow.start_run", "pytube.YouTube",
    "pytubefix.YouTube", "requests_cache.CachedSession", "requests_cache.install_cache",
    "scrapy.crawler.CrawlerProcess", "wandb.init", "youtube_dl.YoutubeDL", "yt_dlp.YoutubeDL",
})  # fmt: skip
"""Calls that write into the working directory where nothing is told: https://www.gradio.app/docs/gradio/interface,
https://instaloader.github.io/as-module.html, https://mlflow.org/docs/latest/ml/tracking,
https://pytube.io/en/latest/api.html, https://requests-cache.readthedocs.io/en/stable/user_guide/backends.html,
https://docs.scrapy.org/en/latest/topics/feed-exports.html, https://docs.wandb.ai/ref/python/init,
https://github.com/yt-dlp/yt-dlp#output-template
"""

LOGGING: Final = {"logging.config.fileConfig": "fname", "logging.config.dictConfig": "config"}
"""Calls that take settings of logs, which name files, from a file or from a dictionary."""

BY_MODE: Final = (
    "logging.basicConfig", "zipfile.ZipFile", "tarfile.open", "h5py.File", "wave.open", "rasterio.open",
    "netCDF4.Dataset",
)  # fmt: skip
"""Calls that write a file where their mode says so."""

COMPRESSED: Final = ("gzip.open", "gzip.GzipFile", "bz2.open", "bz2.BZ2File", "lzma.open", "lzma.LZMAFile")
"""The same of those that take a mode as ``open`` does."""

FOLDER_METHODS: Final = ("save_pretrained", "save_local", "extractall", "persist")
"""Methods that fill a folder."""

METHODS: Final = {
    "write_text": None, "write_bytes": None, "touch": None, "to_csv": 0, "to_excel": 0, "to_parquet": 0,
    "to_pickle": 0, "to_json": 0, "to_feather": 0, "imwrite": 0, "savefig": 0, "save": 0, "save_pretrained": 0,
    "save_local": 0, "saveas": 0, "write_html": 0, "write_image": 0, "write_pdf": 0, "write_png": 0, "to_file": 0,
    "to_hdf": 0, "write_parquet": 0, "write_csv": 0, "write_excel": 0, "write_ndjson": 0, "write_videofile": 0,
    "write_audiofile": 0, "export": 0, "save_screenshot": 0, "get_screenshot_as_file": 0, "extractall": 0,
    "save_to_file": 1, "screenshot": 0, "pdf": 0, "tts_to_file": 1, "bind": 2, "persist": 0, "output": 0,
    "to_netcdf": 0, "render_to_file": 0, "stream_to_file": 0, "download_to_filename": 0, "download_file": 2,
}  # fmt: skip
"""Methods that write, each with the number of the argument that names the place; ``None`` where it is their object."""

METHOD_KEYWORDS: Final = (
    "path", "filename", "path_or_buf", "fp", "target", "file_path", "out_f", "file", "persist_dir", "name",
)  # fmt: skip
"""Names of that argument."""

COMMON_METHODS: Final = {"render": ("graphviz",), "write": ("pypdf", "PyPDF2")}
"""Methods with names that many have: they count where the source speaks of these libraries."""
